//! Subscriptions to changes of a room's calendar (`subscription` and `change-notifications-*` pages).

use crate::client::TenantGraph;
use crate::link::Goal;
use crate::outcome::{Codes, Question};
use crate::places::absent_if_404;
use crate::send::{Answer, Call, escaped};
use crate::transport::Transport;
use crate::view::prefer;
use crate::wire::{NoError, offset_instant};
use bytes::Bytes;
use chrono::SecondsFormat;
use http::{Method, Uri};
use roomsync_domain::Instant;
use roomsync_ports::{
    Clock, Creation, GraphError, NewSubscription, Secrets, Subscription, Subscriptions, Trace,
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// What a subscription tells of, in the order in which Graph shows it.
const CHANGES: &str = "created,updated,deleted";
/// Lane of one tenant's subscriptions; Graph counts them per application and tenant (`throttling-limits`).
const LANE: &str = "(subscriptions)";
/// Pages after which a list is taken for endless.
const MOST_PAGES: usize = 200;

/// A subscription, by itself or in the list, which also shows what others than us have made: whatever else is odd about one, its id is
/// what counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    id: String,
    resource: Option<String>,
    notification_url: Option<String>,
    expiration_date_time: Option<String>,
    #[serde(default)]
    error: NoError,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Value>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(default)]
    error: NoError,
}

impl<T: Transport, S: Secrets, C: Clock> Subscriptions for TenantGraph<T, S, C> {
    async fn create_subscription(&self, new: &NewSubscription<'_>) -> Result<Creation, GraphError> {
        let body = json!({
            "changeType": CHANGES,
            "resource": format!("users/{}/events", new.room),
            "notificationUrl": new.notification_url,
            "lifecycleNotificationUrl": new.lifecycle_url,
            "expirationDateTime": text(new.expires_at),
            "clientState": new.client_state,
            "latestSupportedTlsVersion": "v1_2",
        });
        let uri = self.uri("subscriptions")?;
        let call = Call {
            method: Method::POST,
            body: Bytes::from(body.to_string()),
            accepts: &[200, 201, 400, 409],
            ..call(Question::Subscribe, uri)
        };
        let answer = self.get(call).await?;
        match answer.status {
            409 => Ok(Creation::Exists(message(&answer).and_then(|message| id_in(&message)))),
            400 if is_about_validation(&answer) => Ok(Creation::NotValidated(self.trace(&answer))),
            400 => Err(self.refusal(Question::Subscribe, &answer)),
            _ => {
                let made = read(&answer)?;
                Ok(Creation::Created { expires_at: end(&answer, &made)?, id: made.id })
            }
        }
    }

    async fn subscription(&self, id: &str) -> Result<Option<Subscription>, GraphError> {
        let uri = self.one(id)?;
        let Some(answer) = absent_if_gone(self.get(call(Question::Subscription, uri)).await)? else {
            return Ok(None);
        };
        read(&answer).map(|found| Some(subscription(found)))
    }

    async fn subscriptions(&self) -> Result<Vec<Subscription>, GraphError> {
        let mut found = Vec::new();
        let mut uri = self.uri("subscriptions")?;
        for page in 1.. {
            let answer = self.get(call(Question::Subscription, uri)).await?;
            let Page { value, next, error: NoError } = answer.read()?;
            // One that cannot be read is none of ours, and no reason to see none of the others.
            let rows = value.into_iter().filter_map(|row| serde_json::from_value::<Raw>(row).ok());
            found.extend(rows.filter(|row| !row.id.is_empty()).map(subscription));
            let Some(next) = next else { break };
            if page == MOST_PAGES {
                return Err(answer.unusable("SubscriptionsWithoutEnd"));
            }
            uri = self.follow_from(&answer, &next, Goal::Subscriptions)?;
        }
        Ok(found)
    }

    async fn renew_subscription(&self, id: &str, until: Instant) -> Result<Option<Instant>, GraphError> {
        let call = Call {
            method: Method::PATCH,
            body: Bytes::from(json!({"expirationDateTime": text(until)}).to_string()),
            ..call(Question::Subscription, self.one(id)?)
        };
        let Some(answer) = absent_if_gone(self.get(call).await)? else { return Ok(None) };
        end(&answer, &read(&answer)?).map(Some)
    }

    async fn delete_subscription(&self, id: &str) -> Result<(), GraphError> {
        let call = Call {
            method: Method::DELETE,
            accepts: &[200, 204],
            ..call(Question::Subscription, self.one(id)?)
        };
        absent_if_gone(self.get(call).await).map(|_| ())
    }
}

impl<T: Transport, S: Secrets, C: Clock> TenantGraph<T, S, C> {
    fn one(&self, id: &str) -> Result<Uri, GraphError> {
        self.uri(&format!("subscriptions/{}", escaped(id)))
    }

    fn trace(&self, answer: &Answer) -> Trace {
        let codes = Codes::read(&answer.body);
        Trace {
            status: Some(answer.status),
            code: codes.first().unwrap_or("BadRequest").to_owned(),
            request_id: answer.request_id().to_owned(),
        }
    }

    /// What an answer that was let through stands for after all.
    fn refusal(&self, question: Question, answer: &Answer) -> GraphError {
        crate::outcome::failure_of(question, answer.status, &Codes::read(&answer.body), answer.request_id())
    }
}

fn call<'a>(question: Question, uri: Uri) -> Call<'a> {
    Call { lane: LANE, prefer: prefer(None), ..Call::get(question, uri) }
}

/// `2026-02-08T10:00:00Z`.
fn text(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What is over is deleted (`subscription` page), which 410 says as well as 404.
fn absent_if_gone<V>(answer: Result<V, GraphError>) -> Result<Option<V>, GraphError> {
    match answer {
        Err(GraphError::CursorExpired(_)) => Ok(None),
        other => absent_if_404(other),
    }
}

fn read(answer: &Answer) -> Result<Raw, GraphError> {
    let raw: Raw = answer.read()?;
    if raw.id.is_empty() { Err(answer.unusable("SubscriptionWithoutId")) } else { Ok(raw) }
}

/// Until when Graph keeps a subscription that it has just made or renewed.
fn end(answer: &Answer, raw: &Raw) -> Result<Instant, GraphError> {
    let end = raw.expiration_date_time.as_deref().and_then(offset_instant);
    end.ok_or_else(|| answer.unusable("SubscriptionWithoutEnd"))
}

fn subscription(raw: Raw) -> Subscription {
    let Raw { id, resource, notification_url, expiration_date_time: _, error: NoError } = raw;
    Subscription { id, resource, notification_url }
}

fn message(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    body["error"]["message"].as_str().map(str::to_owned)
}

/// The id in "Subscription Id <..> already exists for the requested combination" (`subscription-post-subscriptions` page). An id that
/// is not found there is looked for in the list.
fn id_in(message: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    let words = message.split(|c| !is_part(c));
    words.filter(|word| word.len() == 36).find(|word| Uuid::try_parse(word).is_ok()).map(str::to_owned)
}

/// Graph could not get the answer that it expects from our addresses. The code is `ValidationError`, or a general one with a message that
/// speaks of the validation request (microsoft-graph-docs#5554, msgraph-sdk-dotnet#531).
fn is_about_validation(answer: &Answer) -> bool {
    let is_named = Codes::read(&answer.body).any(|code| code.eq_ignore_ascii_case("ValidationError"));
    let is_told = || {
        let message = message(answer).unwrap_or_default().to_ascii_lowercase();
        message.contains("validation request") || message.contains("notification endpoint")
    };
    is_named || is_told()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_in_the_message() {
        let id = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07";
        for message in [
            format!("Subscription Id <{id}> already exists for the requested combination"),
            format!("Subscription Id {id} already exists for the requested combination."),
        ] {
            assert_eq!(id_in(&message).as_deref(), Some(id));
        }
        assert_eq!(id_in("already exists"), None);
    }
}
