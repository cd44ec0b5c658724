//! Faults on request: rules that say which calls go wrong, how, and how often.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::Method;
use rand::Rng;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};

use crate::request::Call;
use crate::switches::Trap;
use crate::wire::{Refusal, Reply};

/// What a transport has to do with an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Deliver it.
    #[default]
    Normal,
    /// Deliver it after a while.
    Delay(Duration),
    /// Deliver half of the body, then reset the connection.
    ResetMidBody,
    /// The call had its effect; the answer never arrives.
    DropAfterEffect,
    /// The call never arrived; nothing happened.
    DropBeforeEffect,
}

/// A rule: calls that match suffer the effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Which calls; empty matches all.
    #[serde(rename = "match", default)]
    pub matching: Matching,
    /// How many calls it spares first.
    #[serde(default)]
    pub skip: u32,
    /// How many calls it hits; none: no limit.
    #[serde(default)]
    pub times: Option<u32>,
    /// Chance per matching call; 1 if absent.
    #[serde(default)]
    pub probability: Option<f64>,
    /// What happens.
    pub effect: Effect,
}

impl Fault {
    /// Hits the next call whose path contains `path`.
    pub fn once(path: &str, effect: Effect) -> Fault {
        let matching = Matching { path: Some(path.to_owned()), ..Matching::default() };
        Fault { matching, skip: 0, times: Some(1), probability: None, effect }
    }
}

/// Conditions, all of which must hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Matching {
    /// Part of the path with its query, as sent.
    pub path: Option<String>,
    /// HTTP method.
    pub method: Option<String>,
    /// Mailbox id or address.
    pub mailbox: Option<String>,
    /// Tenant id.
    pub tenant: Option<String>,
    /// Kind of call as the counters name it, such as `deltaLink`.
    pub kind: Option<String>,
}

/// How `Retry-After` is written (page throttling shows seconds, an older sample a decimal, HTTP allows a date).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryForm {
    /// `10`
    #[default]
    Seconds,
    /// `10.128`
    Decimal,
    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    HttpDate,
}

/// What happens to a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// An error answer.
    Status {
        /// HTTP status.
        status: u16,
        /// Graph error code; a usual one for the status if absent.
        #[serde(default)]
        code: Option<String>,
        /// Seconds for `Retry-After`.
        #[serde(default)]
        retry_after: Option<f64>,
        /// How it is written.
        #[serde(default)]
        form: RetryForm,
        /// Whether the call had its effect nevertheless.
        #[serde(default)]
        executed: bool,
    },
    /// An HTML page of a gateway.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// The right answer, cut in the middle, with a 200.
    TruncatedJson,
    /// The right status, no body.
    EmptyBody,
    /// The connection breaks in the middle of the body.
    Reset,
    /// The right answer, late.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// The effect without the answer.
    DropAfterEffect,
    /// Neither.
    DropBeforeEffect,
    /// The caller hears nothing, and the call has its effect later: a request that survives its client's patience.
    LandLater {
        /// Milliseconds.
        ms: u64,
    },
    /// 401 as for an expired token.
    Unauthorized,
    /// One trap springs in this call.
    Spring {
        /// Which.
        trap: Trap,
    },
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[Fault] {
        &self.rules
    }

    /// The effect for a call, of the first rule that hits it. `names` are the spellings of the mailbox addressed.
    pub(crate) fn pick(
        &mut self,
        rng: &mut SmallRng,
        call: &Call,
        path: &str,
        tenant: &str,
        names: &[&str],
    ) -> Option<Effect> {
        let hit = |rule: &mut Fault| {
            if rule.times == Some(0) || !rule.matching.admits(call, path, tenant, names) {
                return None;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                return None;
            }
            if rule.probability.is_some_and(|chance| !rng.random_bool(chance.clamp(0.0, 1.0))) {
                return None;
            }
            rule.times = rule.times.map(|left| left - 1);
            Some(rule.effect.clone())
        };
        let effect = self.rules.iter_mut().find_map(hit);
        self.rules.retain(|rule| rule.times != Some(0));
        effect
    }
}

impl Matching {
    fn admits(&self, call: &Call, path: &str, tenant: &str, names: &[&str]) -> bool {
        let method = |wanted: &String| {
            Method::from_bytes(wanted.to_uppercase().as_bytes()).is_ok_and(|own| own == call.method)
        };
        self.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
            && self.method.as_ref().is_none_or(method)
            && self.tenant.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(tenant))
            && self.kind.as_ref().is_none_or(|kind| *kind == call.kind.to_string())
            && self.mailbox.as_ref().is_none_or(|own| names.iter().any(|name| own.eq_ignore_ascii_case(name)))
    }
}

/// Writes a wait as a header value, and when it is over.
pub(crate) fn retry_after(seconds: f64, form: RetryForm, now: DateTime<Utc>) -> String {
    match form {
        RetryForm::Seconds => format!("{}", seconds.ceil()),
        RetryForm::Decimal => format!("{seconds:.3}"),
        RetryForm::HttpDate => (now + wait(seconds)).format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    }
}

fn wait(seconds: f64) -> chrono::Duration {
    chrono::Duration::milliseconds((seconds * 1000.0) as i64)
}

/// The instant a `Retry-After` value promises.
pub(crate) fn promised(value: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match value.parse::<f64>() {
        Ok(seconds) => Some(now + wait(seconds)),
        Err(_) => DateTime::parse_from_rfc2822(value).ok().map(|at| at.with_timezone(&Utc)),
    }
}

/// The refusal of a `Status` effect.
pub(crate) fn refusal(status: u16, code: Option<String>, wait: Option<String>) -> Refusal {
    let usual = match status {
        400 => "BadRequest",
        401 => "InvalidAuthenticationToken",
        403 => "ErrorAccessDenied",
        404 => "ErrorItemNotFound",
        409 => "ErrorIrresolvableConflict",
        410 => "SyncStateNotFound",
        412 => "ErrorIrresolvableConflict",
        429 => "ApplicationThrottled",
        500 => "ErrorInternalServerTransientError",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => "UnknownError",
    };
    let code = code.unwrap_or_else(|| usual.to_owned());
    let message = if status == 429 {
        "Application is over its MailboxConcurrency limit."
    } else {
        "Please retry again later."
    };
    let mut refusal = Refusal::new(status, &code, message);
    refusal.headers.extend(wait.map(|wait| ("retry-after", wait)));
    refusal
}

/// The page of a gateway that gave up.
pub(crate) fn html(status: u16) -> Reply {
    let body = format!(
        "<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>Microsoft-Azure-Application-Gateway/v2</body></html>"
    );
    Reply {
        status,
        headers: vec![("content-type", "text/html".to_owned())],
        body: body.into_bytes(),
        unless: None,
    }
}
