//! Changes to one item, as its organizer makes them: move, change one occurrence, drop one, end the series.

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, Weekday};

use crate::calendar::recurrence::{RangeKind, name as weekday_name};
use crate::calendar::{Exception, Item};
use crate::outlook::Refused;

/// A series that moves drops its exceptions (undocumented; what Outlook warns of before it does so).
pub(crate) fn move_item(item: &mut Item, start: NaiveDateTime, end: NaiveDateTime) -> Result<(), Refused> {
    if end < start {
        return Err(Refused::Backwards);
    }
    let days = start.date() - item.shape.span.start.date();
    item.shape.span = item.shape.span.moved(start, end);
    if let Some(series) = &mut item.shape.series {
        series.exceptions.clear();
        series.removed = series.removed.iter().map(|date| *date + days).collect();
        let recurrence = &mut series.recurrence;
        recurrence.range.start_date = start.date();
        if recurrence.range.kind == RangeKind::EndDate {
            recurrence.range.end_date += days;
        }
        let weekday = |name: &String| name.parse::<Weekday>().ok();
        if days.num_days() % 7 != 0 && recurrence.pattern.days_of_week.len() == 1 {
            let moved = recurrence.pattern.days_of_week.first().and_then(weekday).map(|day| {
                let shift = usize::try_from(days.num_days().rem_euclid(7)).unwrap_or(0);
                (0..shift).fold(day, |day, _| day.succ())
            });
            recurrence.pattern.days_of_week = moved.iter().map(|day| weekday_name(*day).to_owned()).collect();
        }
        if recurrence.pattern.day_of_month > 0 {
            recurrence.pattern.day_of_month = start.day();
        }
    }
    Ok(())
}

/// Changes one occurrence into an exception, or an exception further.
pub(crate) fn except(
    item: &mut Item,
    date: NaiveDate,
    name: &str,
    change: impl FnOnce(&mut Exception),
) -> Result<(), Refused> {
    if !item.shape.has(date) {
        return Err(Refused::NoOccurrence(name.to_owned(), date));
    }
    let regular = item.shape.span.on(date);
    let Some(series) = &mut item.shape.series else {
        return Err(Refused::NoOccurrence(name.to_owned(), date));
    };
    let usual = Exception { span: regular, content: item.content.clone(), cancelled: false };
    let mut exception = series.exceptions.get(&date).cloned().unwrap_or(usual);
    change(&mut exception);
    if exception.span.end < exception.span.start {
        return Err(Refused::Backwards);
    }
    let day = exception.span.start.date();
    let reach = Duration::days(800);
    let before = series.recurrence.dates(date - reach, date - Duration::days(1)).into_iter().rev();
    let after = series.recurrence.dates(date + Duration::days(1), date + reach).into_iter();
    let actual = |other: NaiveDate| {
        series.exceptions.get(&other).map_or(other, |exception| exception.span.start.date())
    };
    let lives = |other: &NaiveDate| !series.removed.contains(other);
    let (previous, next) = (before.clone().find(lives).map(actual), after.clone().find(lives).map(actual));
    if let Some(neighbour) = previous.filter(|other| day <= *other).or(next.filter(|other| day >= *other)) {
        return Err(Refused::CrossesNeighbour(neighbour));
    }
    series.exceptions.insert(date, exception);
    Ok(())
}

pub(crate) fn remove_occurrence(item: &mut Item, date: NaiveDate, name: &str) -> Result<(), Refused> {
    if !item.shape.has(date) {
        return Err(Refused::NoOccurrence(name.to_owned(), date));
    }
    if let Some(series) = &mut item.shape.series {
        series.exceptions.remove(&date);
        series.removed.insert(date);
    }
    Ok(())
}

pub(crate) fn end_series(item: &mut Item, date: NaiveDate) -> Result<(), Refused> {
    let uid = item.uid.as_ref().to_owned();
    let Some(series) = &mut item.shape.series else { return Err(Refused::NoOccurrence(uid, date)) };
    series.recurrence = series.recurrence.clone().until(date - Duration::days(1));
    series.exceptions.retain(|own, _| *own < date);
    series.removed.retain(|own| *own < date);
    Ok(())
}
