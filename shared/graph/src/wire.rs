//! Pieces of Graph's JSON that several answers share. Text is borrowed from the answer wherever it has no escapes.

use chrono::{Datelike, NaiveDate, NaiveDateTime, SubsecRound};
use roomsync_domain::{Instant, zone};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;
use serde_json::error::Category;
use std::borrow::Cow;
use std::fmt;

/// Text, borrowed if it can be.
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Borrowing)
    }
}

/// `dateTimeTimeZone`: a wall-clock time without offset, and the name of its zone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Moment<'a> {
    #[serde(borrow)]
    date_time: Text<'a>,
    #[serde(borrow)]
    time_zone: Text<'a>,
}

impl Moment<'_> {
    /// The instant, in whole seconds; nothing if the time is unset or unreadable, or the zone unknown.
    pub(crate) fn instant(&self) -> Option<Instant> {
        let local: NaiveDateTime = self.date_time.as_str().parse().ok()?;
        is_set(local.date())?;
        let zone = zone::find(self.time_zone.as_str())?;
        Some(zone::instant(local.trunc_subsecs(0), zone))
    }

    /// The date as it is written, whatever the zone.
    pub(crate) fn date(&self) -> Option<NaiveDate> {
        let local: NaiveDateTime = self.date_time.as_str().parse().ok()?;
        is_set(local.date())
    }
}

/// A `DateTimeOffset` in whole seconds; nothing if it is unset (`0001-01-01T00:00:00Z`) or unreadable.
pub(crate) fn offset_instant(text: &str) -> Option<Instant> {
    Some(offset_moment(text)?.trunc_subsecs(0))
}

/// The same with its fractions.
pub(crate) fn offset_moment(text: &str) -> Option<Instant> {
    let at = roomsync_domain::time::seconds::parse(text)?;
    is_set(at.date_naive())?;
    Some(at)
}

fn is_set(date: NaiveDate) -> Option<NaiveDate> {
    (date.year() > 1).then_some(date)
}

/// A whole number, or text that is one: a room's `capacity` comes both ways (`room` page, samples).
pub(crate) fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Reads an answer. The error says where it breaks, never what stands there.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err("EmptyAnswer".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| unreadable(&error))
}

/// Where JSON breaks, without what stands there.
pub(crate) fn unreadable(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Eof => "TruncatedAnswer",
        Category::Syntax | Category::Io => "AnswerIsNotJson",
        Category::Data => "UnexpectedAnswer",
    };
    format!("{what} at line {} column {}", error.line(), error.column())
}

/// `error` in an answer of status 200 stands for a failure all the same.
#[derive(Default)]
pub(crate) struct NoError;

impl<'de> Deserialize<'de> for NoError {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Option::<de::IgnoredAny>::deserialize(from)? {
            None => Ok(Self),
            Some(_) => Err(D::Error::custom("an error inside a successful answer")),
        }
    }
}
