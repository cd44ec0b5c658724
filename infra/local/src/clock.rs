//! The one place that reads the machine's clock.

use chrono::{DateTime, Utc};

/// Now.
#[allow(clippy::disallowed_methods, reason = "here the machine's clock takes the place of AWS's")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
