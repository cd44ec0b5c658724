//! The resource `subscription` (page subscription): what a client may ask for, and what it gets to see.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use url::{Host, Url};

use super::switches::PushSwitches;
use crate::calendar::{Change, IdFormat};
use crate::wire::{Refusal, stamp};

/// What a client wrote for `clientState`. It is a secret between client and service.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClientState(pub(crate) String);

impl fmt::Debug for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientState(..)")
    }
}

/// A subscription to the events of a mailbox.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its id, a GUID.
    pub id: String,
    /// Tenant id.
    pub tenant: Arc<str>,
    /// Client id of the app.
    pub client: String,
    /// Object id of the mailbox.
    pub mailbox: Arc<str>,
    /// The resource as it was asked for.
    pub resource: String,
    /// Which changes it wants.
    pub changes: BTreeSet<Change>,
    /// Where notices go.
    pub notification_url: String,
    /// Where lifecycle notices go.
    pub lifecycle_url: Option<String>,
    /// When it ends.
    pub expires: DateTime<Utc>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Silent although valid, by order of the control API.
    pub muted: bool,
    pub(crate) change_type: String,
    pub(crate) client_state: Option<ClientState>,
    pub(crate) ids: IdFormat,
    /// When `reauthorizationRequired` is due.
    pub(crate) warning: Option<DateTime<Utc>>,
    /// From then on notices are lost: nobody reauthorized.
    pub(crate) paused_from: Option<DateTime<Utc>>,
    /// Notices were lost in the drop state.
    pub(crate) missed: bool,
}

impl Subscription {
    /// The object as answers show it. `clientState` is not given back.
    pub(super) fn shown(&self, switches: &PushSwitches) -> Value {
        let lifecycle = self.lifecycle_url.as_ref().filter(|_| !switches.terse);
        json!({
            "id": self.id, "resource": self.resource, "applicationId": self.client, "changeType": self.change_type,
            "clientState": null, "notificationUrl": self.notification_url, "notificationQueryOptions": null,
            "lifecycleNotificationUrl": lifecycle, "expirationDateTime": stamp(self.expires),
            "creatorId": crate::tenant::object_id(&self.tenant, &self.client), "includeResourceData": null,
            "latestSupportedTlsVersion": "v1_2", "encryptionCertificate": null, "encryptionCertificateId": null,
            "notificationUrlAppId": null,
        })
    }

    /// Whether another one asks for the same: same app, tenant, change types and resource.
    pub(super) fn same_as(&self, other: &Subscription) -> bool {
        self.tenant == other.tenant
            && self.client == other.client
            && self.changes == other.changes
            && self
                .resource
                .trim_start_matches('/')
                .eq_ignore_ascii_case(other.resource.trim_start_matches('/'))
    }

    /// A renewal or a reauthorization: notices flow again, and the next warning is planned.
    pub(super) fn authorize(&mut self, now: DateTime<Utc>, switches: &PushSwitches) {
        self.paused_from = None;
        let minutes = |minutes: i64| (minutes > 0).then(|| Duration::minutes(minutes));
        let before_end =
            minutes(switches.warn_minutes).map(|early| self.expires - early).filter(|at| *at > now);
        let regular = minutes(switches.reauthorize_every_minutes).map(|pause| now + pause);
        self.warning = before_end.into_iter().chain(regular).min();
    }
}

/// The body of `POST` and `PATCH`. Other properties do not exist.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Sent {
    pub(super) change_type: Option<String>,
    pub(super) notification_url: Option<String>,
    pub(super) lifecycle_notification_url: Option<String>,
    pub(super) resource: Option<String>,
    pub(super) expiration_date_time: Option<String>,
    pub(super) client_state: Option<String>,
    latest_supported_tls_version: Option<String>,
    include_resource_data: Option<bool>,
    #[serde(rename = "@odata.type")]
    _type: Option<String>,
}

pub(super) fn bad(message: &str) -> Refusal {
    Refusal::new(400, "InvalidRequest", message)
}

impl Sent {
    pub(super) fn read(request: &Request<Bytes>) -> Result<Sent, Refusal> {
        let sent: Sent = serde_json::from_slice(request.body()).map_err(|error| {
            Refusal::new(400, "BadRequest", &format!("Unable to read JSON request payload: {error}"))
        })?;
        if sent.include_resource_data == Some(true) {
            return Err(bad("Notifications with resource data are not known here."));
        }
        let tls = sent.latest_supported_tls_version.as_deref();
        if tls.is_some_and(|version| !["v1_0", "v1_1", "v1_2", "v1_3"].contains(&version)) {
            return Err(bad("latestSupportedTlsVersion is not one of v1_0, v1_1, v1_2, v1_3."));
        }
        if sent.client_state.as_ref().is_some_and(|state| state.chars().count() > 128) {
            return Err(bad("clientState must not be longer than 128 characters."));
        }
        for url in sent.notification_url.iter().chain(&sent.lifecycle_notification_url) {
            check_url(url)?;
        }
        Ok(sent)
    }

    /// The end asked for: at most the longest life, raised to the shortest one.
    pub(super) fn end(
        &self,
        now: DateTime<Utc>,
        switches: &PushSwitches,
    ) -> Result<Option<DateTime<Utc>>, Refusal> {
        let Some(text) = &self.expiration_date_time else { return Ok(None) };
        let asked = DateTime::parse_from_rfc3339(text).map_err(|_| {
            Refusal::new(400, "BadRequest", "expirationDateTime is not an Edm.DateTimeOffset.")
        })?;
        if asked > now + Duration::minutes(switches.longest_minutes) {
            let minutes = switches.longest_minutes;
            return Err(bad(&format!(
                "Subscription expiration can only be {minutes} minutes in the future."
            )));
        }
        Ok(Some(asked.to_utc().max(now + Duration::minutes(switches.shortest_minutes))))
    }
}

/// https, or http to this machine: the twin's own liberty, for systems that run on one.
fn check_url(text: &str) -> Result<(), Refusal> {
    let url = Url::parse(text).map_err(|_| bad("The notification URL is not an absolute URL."))?;
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.host().is_some() => Ok(()),
        "http" if local => Ok(()),
        scheme => Err(bad(&format!("The notification URL must use https, not {scheme}."))),
    }
}

/// `created,updated`: at least one known word.
pub(super) fn changes(text: Option<&str>) -> Result<BTreeSet<Change>, Refusal> {
    let change = |word: &str| match word.trim().to_ascii_lowercase().as_str() {
        "created" => Ok(Change::Created),
        "updated" => Ok(Change::Updated),
        "deleted" => Ok(Change::Deleted),
        other => Err(bad(&format!("'{other}' is no changeType."))),
    };
    text.ok_or_else(|| bad("changeType is required."))?.split(',').map(change).collect()
}

/// Whose events `users/{id}/events` stands for; the slash in front is optional.
pub(crate) fn addressed(resource: &str) -> Option<String> {
    let parts: Vec<&str> = resource.strip_prefix('/').unwrap_or(resource).split('/').collect();
    match parts.as_slice() {
        [users, who, events]
            if users.eq_ignore_ascii_case("users")
                && events.eq_ignore_ascii_case("events")
                && !who.is_empty() =>
        {
            Some(who.to_lowercase())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_events_of_a_whole_mailbox_are_a_resource() {
        for fine in ["users/A@b.example/events", "/users/a@b.example/events", "Users/a@b.example/Events"] {
            assert_eq!(addressed(fine).as_deref(), Some("a@b.example"), "{fine}");
        }
        for wrong in [
            "",
            "me/events",
            "users//events",
            "users/a/calendar/events",
            "users/a/messages",
            "//users/a/events",
            "https://graph.microsoft.com/v1.0/users/a/events",
            "v1.0/users/a/events",
            "users/a/events?$filter=x",
        ] {
            assert_eq!(addressed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn urls_are_https_or_on_this_machine() {
        for fine in [
            "https://hooks.example.com/n?c=1",
            "http://127.0.0.1:8080/n",
            "http://localhost/n",
            "http://[::1]:1/n",
        ] {
            assert!(check_url(fine).is_ok(), "{fine}");
        }
        for wrong in
            ["http://hooks.example.com/n", "ftp://127.0.0.1/n", "/notifications", "", "http://10.0.0.1/n"]
        {
            assert!(check_url(wrong).is_err(), "{wrong}");
        }
    }
}
