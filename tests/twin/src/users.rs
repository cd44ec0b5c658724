//! The directory's view of a room: user properties and mailbox settings (pages user-get, user-get-mailboxsettings).

use serde_json::{Map, Value, json};

use crate::Twin;
use crate::calendar::{Mailbox, MailboxState};
use crate::login::Grant;
use crate::request::{Call, Kind};
use crate::tenant::Tenant;
use crate::wire::{Refusal, Reply};

/// What comes without `$select`.
const DEFAULT: [&str; 11] = [
    "id",
    "displayName",
    "mail",
    "userPrincipalName",
    "businessPhones",
    "givenName",
    "jobTitle",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
];

impl Twin {
    pub(crate) fn users(&self, call: &Call, grant: &Grant) -> Result<Reply, Refusal> {
        if !grant.roles.contains("User.Read.All") {
            return Err(Refusal::new(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ));
        }
        let tenant = self.tenants.get(&grant.tenant).ok_or_else(|| missing(""))?;
        let context = format!("{}/v1.0/$metadata#users", self.base_url);
        if call.kind == Kind::Users {
            let rows: Vec<Value> =
                filtered(call, tenant)?.into_iter().map(|mailbox| selected(call, tenant, mailbox)).collect();
            return Ok(Reply::json(200, &json!({"@odata.context": context, "value": rows})));
        }
        let who = call.segment(1);
        let mailbox = tenant.mailbox(who).filter(|mailbox| mailbox.state != MailboxState::Gone);
        let mut body = selected(call, tenant, mailbox.ok_or_else(|| missing(who))?);
        body["@odata.context"] = json!(format!("{context}/$entity"));
        Ok(Reply::json(200, &body))
    }

    pub(crate) fn mailbox_settings(&self, mailbox: &Mailbox) -> Reply {
        let purpose = if mailbox.policy.is_some() { "room" } else { "user" };
        let zone = mailbox.zone.name();
        Reply::json(
            200,
            &json!({
                "@odata.context": format!("{}/v1.0/$metadata#users('{}')/mailboxSettings", self.base_url, mailbox.id),
                "timeZone": zone, "userPurpose": purpose, "dateFormat": "yyyy-MM-dd", "timeFormat": "HH:mm",
            }),
        )
    }
}

fn missing(who: &str) -> Refusal {
    let message = format!(
        "Resource '{who}' does not exist or one of its queried reference-property objects are not present."
    );
    Refusal::new(404, "Request_ResourceNotFound", &message)
}

/// `$filter=mail eq 'x'` (or userPrincipalName), the one filter the twin understands.
fn filtered<'a>(call: &Call, tenant: &'a Tenant) -> Result<Vec<&'a Mailbox>, Refusal> {
    let alive = |mailbox: &&Mailbox| mailbox.state != MailboxState::Gone;
    let Some(filter) = call.option("$filter") else {
        return Ok(tenant.mailboxes.values().filter(alive).collect());
    };
    let parts = filter
        .split_once(" eq ")
        .map(|(name, value)| (name.trim(), value.trim().trim_matches('\'').to_lowercase()));
    match parts {
        Some(("mail" | "userPrincipalName", value)) => {
            Ok(tenant.mailboxes.values().filter(alive).filter(|mailbox| mailbox.address == value).collect())
        }
        _ => Err(Refusal::new(
            400,
            "Request_UnsupportedQuery",
            "Unsupported or invalid query filter clause specified for property of resource 'User'.",
        )),
    }
}

fn selected(call: &Call, tenant: &Tenant, mailbox: &Mailbox) -> Value {
    let room = tenant.rooms.get(&mailbox.id);
    let mut all = json!({
        "id": mailbox.id.as_ref(), "displayName": mailbox.name, "mail": mailbox.address,
        "userPrincipalName": mailbox.address, "accountEnabled": room.is_none(), "businessPhones": [],
    });
    for (name, value) in room.into_iter().flat_map(|room| &room.spec.user) {
        all[name.as_str()] = value.clone();
    }
    let names: Vec<&str> = match call.option("$select") {
        Some(select) => select.split(',').map(str::trim).collect(),
        None => DEFAULT.to_vec(),
    };
    let pick = |name: &&str| ((*name).to_owned(), all.get(*name).cloned().unwrap_or(Value::Null));
    Value::Object(names.iter().map(pick).collect::<Map<String, Value>>())
}
