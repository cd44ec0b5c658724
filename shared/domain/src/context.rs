//! Everything outside a calendar entry that decides how its booking looks.

use crate::entry::Wanted;
use crate::ids::{RoomRef, derived};
use crate::room::Room;
use crate::tenant::{Take, TenantConfig, Window};
use crate::time::{Instant, Span};
use crate::zone;
use chrono::{Days, TimeDelta};
use chrono_tz::Tz;

/// How bookings of one room are seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The room.
    pub room: RoomRef,
    /// Its address.
    pub email: String,
    /// Its zone: where its days begin.
    pub zone: Tz,
    /// The tenant's zone: where windows begin.
    pub tenant_zone: Tz,
    /// What may be known of meetings.
    pub wanted: Wanted,
    /// Days that a booking is kept after its end.
    pub retention_days: u32,
    /// Days that are kept in step.
    pub window: Window,
}

impl Context {
    /// The view that a tenant's configuration and a room give.
    #[must_use]
    pub fn new(config: &TenantConfig, room: &Room) -> Self {
        Self {
            room: room.room.clone(),
            email: room.state.email.clone(),
            zone: zone::find(&room.state.settings.time_zone).unwrap_or_else(|| config.zone()),
            tenant_zone: config.zone(),
            wanted: Wanted {
                subject: config.privacy.subject == Take::UnlessPrivate,
                organizer: config.privacy.organizer == Take::UnlessPrivate,
            },
            retention_days: config.privacy.retention_days,
            window: config.window,
        }
    }

    /// The days that are kept in step at an instant: whole days of the tenant's zone. A day whose bookings would be
    /// forgotten before the window has moved on (it moves daily) is not among them: they would come and go with each reading.
    #[must_use]
    pub fn window_at(&self, now: Instant) -> Span {
        let today = now.with_timezone(&self.tenant_zone).date_naive();
        let past_days = self.window.past_days.min(self.retention_days.saturating_sub(2));
        let first = today.checked_sub_days(Days::new(past_days.into())).unwrap_or(today);
        let after =
            today.checked_add_days(Days::new(u64::from(self.window.future_days) + 1)).unwrap_or(today);
        Span::new(zone::midnight(first, self.tenant_zone), zone::midnight(after, self.tenant_zone))
    }

    /// A short text that differs when the room's bookings must be looked at anew though its calendar did not change: its
    /// address or its zone.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        derived(&["room", &self.email, self.zone.name()]).simple().to_string()
    }
}

/// The same for what the tenant file says about all rooms: privacy, window and the zone in which windows begin. Worked out with every
/// look, so it is the text itself and no digest of it.
#[must_use]
pub fn policy_fingerprint(config: &TenantConfig) -> String {
    let (privacy, window) = (&config.privacy, &config.window);
    format!(
        "subject {} organizer {} kept {} days {}..{} {}",
        privacy.subject as u8,
        privacy.organizer as u8,
        privacy.retention_days,
        window.past_days,
        window.future_days,
        config.time_zone
    )
}

/// Added on both sides of what is read, because Exchange decides by the true instant of an all-day entry while it shows, and
/// we know, only its dates (microsoft-graph-docs#16798): zones lie up to 26 hours apart.
#[must_use]
pub fn all_day_slack() -> TimeDelta {
    TimeDelta::hours(26)
}
