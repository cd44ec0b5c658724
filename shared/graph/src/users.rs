//! A room's own directory entry (`user-get`, `user-list` pages).

use crate::client::TenantGraph;
use crate::outcome::Question;
use crate::places::absent_if_404;
use crate::send::{Answer, Call, escaped};
use crate::transport::Transport;
use http::Uri;
use roomsync_domain::place::{DirectoryUser, is_extension_attribute};
use roomsync_ports::{Clock, GraphError, Secrets};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Lane of the directory of users, which has a budget of its own (`throttling-limits`, identity).
const LANE: &str = "(users)";
/// Where `extensionAttribute1` to 15 live.
const EXTENSION_ATTRIBUTES: &str = "onPremisesExtensionAttributes";

#[derive(Deserialize)]
struct Page {
    value: Vec<Map<String, Value>>,
}

impl<T: Transport, S: Secrets, C: Clock> TenantGraph<T, S, C> {
    /// By object id or user principal name, which is what the path takes; an address that is neither is looked for as `mail`.
    pub(crate) async fn directory_user(
        &self,
        id_or_address: &str,
        attributes: &[&str],
    ) -> Result<Option<DirectoryUser>, GraphError> {
        let select = select(attributes);
        let uri = self.uri(&format!("users/{}?$select={select}", escaped(id_or_address)))?;
        if let Some(answer) = absent_if_404(self.ask_users(uri).await)? {
            let raw: Map<String, Value> = answer.read()?;
            return user(&answer, &raw, attributes).map(Some);
        }
        if !id_or_address.contains('@') {
            return Ok(None);
        }
        let filter = format!("mail eq '{}'", id_or_address.replace('\'', "''"));
        let answer = self
            .ask_users(self.uri(&format!("users?$filter={}&$select={select}", escaped(&filter)))?)
            .await?;
        let page: Page = answer.read()?;
        match page.value.as_slice() {
            [] => Ok(None),
            [raw] => user(&answer, raw, attributes).map(Some),
            _ => Err(answer.unusable("SeveralUsersWithOneAddress")),
        }
    }

    async fn ask_users(&self, uri: Uri) -> Result<Answer, GraphError> {
        self.get(Call { lane: LANE, ..Call::get(Question::User, uri) }).await
    }
}

fn select(attributes: &[&str]) -> String {
    let mut names = BTreeSet::from(["id"]);
    names.extend(
        attributes.iter().map(|name| if is_extension_attribute(name) { EXTENSION_ATTRIBUTES } else { name }),
    );
    names.into_iter().collect::<Vec<_>>().join(",")
}

fn user(answer: &Answer, raw: &Map<String, Value>, attributes: &[&str]) -> Result<DirectoryUser, GraphError> {
    let object_id = raw
        .get("id")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
        .ok_or_else(|| answer.unusable("UserWithoutId"))?;
    let value = |name: &str| {
        let holder =
            if is_extension_attribute(name) { raw.get(EXTENSION_ATTRIBUTES)?.as_object()? } else { raw };
        holder.get(name).filter(|value| !value.is_null()).cloned()
    };
    let attributes = attributes.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect();
    Ok(DirectoryUser { object_id: object_id.to_owned(), attributes })
}
