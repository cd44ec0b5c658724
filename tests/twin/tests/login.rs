//! Tokens: who gets one, who does not, and what they open.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use roomsync_twin::AppSpec;
use roomsync_twin::calendar::MailboxState;
use serde_json::json;
use sha2::{Digest, Sha256};
use support::*;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const SCOPE: (&str, &str) = ("scope", "https://graph.microsoft.com/.default");

fn code(got: &Got) -> (u16, String, u64) {
    (got.status, got.body["error"].as_str().unwrap().to_owned(), got.body["error_codes"][0].as_u64().unwrap())
}

#[test]
fn a_right_secret_gives_an_opaque_token_by_id_or_domain() {
    let mut world = World::new();
    let got = world.sign_in("s3cret~+/=");
    assert_eq!((got.status, got.body["expires_in"].as_i64()), (200, Some(3599)));
    let again = world.sign_in("s3cret~+/=");
    assert_ne!(got.body["access_token"], again.body["access_token"]);
    let form = [GRANT, SCOPE, ("client_id", CLIENT), ("client_secret", "s3cret~+/=")];
    assert_eq!(world.post_token("84bd.example", &form).status, 200);
}

#[test]
fn wrong_old_and_expired_secrets_are_refused_as_invalid_client() {
    let mut world = World::new();
    assert_eq!(code(&world.sign_in("wrong")), (401, "invalid_client".into(), 7_000_215));
    let forget = world.now + Duration::minutes(5);
    world.twin.rotate_secret(TENANT, CLIENT, "fresh", forget);
    assert_eq!(world.sign_in("s3cret~+/=").status, 200);
    world.wait(301);
    assert_eq!(code(&world.sign_in("s3cret~+/=")).2, 7_000_215);
    assert_eq!(world.sign_in("fresh").status, 200);
    let now = world.now;
    world.twin.change_app(TENANT, CLIENT, |app| {
        app.secrets.iter_mut().for_each(|secret| secret.expires = Some(now))
    });
    assert_eq!(code(&world.sign_in("fresh")), (401, "invalid_client".into(), 7_000_222));
}

#[test]
fn consent_tenant_scope_and_grant_type_are_checked() {
    let mut world = World::new();
    world.twin.change_app(TENANT, CLIENT, |app| app.consented = false);
    assert_eq!(code(&world.sign_in("s3cret~+/=")), (400, "unauthorized_client".into(), 700_016));
    world.twin.change_app(TENANT, CLIENT, |app| app.consented = true);
    let right = [GRANT, SCOPE, ("client_id", CLIENT), ("client_secret", "s3cret~+/=")];
    assert_eq!(code(&world.post_token("nobody.example", &right)), (400, "invalid_request".into(), 90002));
    for (scope, expected) in [("https://graph.microsoft.us/.default", 500_011), ("Calendars.Read", 70011)] {
        let form = [GRANT, ("scope", scope), ("client_id", CLIENT), ("client_secret", "s3cret~+/=")];
        assert_eq!(code(&world.post_token(TENANT, &form)).2, expected);
    }
}

fn assertion(key: &[u8], audience: &str, expires: i64) -> String {
    let certificate = include_str!("fixtures/app.crt");
    let der: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(der).unwrap();
    let mut header = Header::new(Algorithm::PS256);
    header.x5t_s256 = Some(URL_SAFE_NO_PAD.encode(Sha256::digest(der)));
    let claims = json!({"aud": audience, "iss": CLIENT, "sub": CLIENT, "jti": "1", "nbf": expires - 600, "exp": expires});
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_rsa_pem(key).unwrap()).unwrap()
}

#[test]
fn a_certificate_signs_in_only_with_its_own_key_audience_and_time() {
    let mut world = World::new();
    let app = AppSpec {
        certificates: vec![include_str!("fixtures/app.crt").into()],
        secrets: vec![],
        ..AppSpec::with_secret(CLIENT, "")
    };
    world.twin.put_app(TENANT, app);
    let (own, stranger) = (include_bytes!("fixtures/app.key"), include_bytes!("fixtures/stranger.key"));
    let audience = format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token");
    let soon = world.now.timestamp() + 300;
    let mut try_with = |jwt: String| {
        let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        world.post_token(TENANT, &[GRANT, SCOPE, ("client_id", CLIENT), kind, ("client_assertion", &jwt)])
    };
    assert_eq!(try_with(assertion(own, &audience, soon)).status, 200);
    assert_eq!(code(&try_with(assertion(stranger, &audience, soon))), (401, "invalid_client".into(), 50012));
    assert_eq!(code(&try_with(assertion(own, "https://elsewhere.example", soon))).2, 700_027);
    assert_eq!(code(&try_with(assertion(own, &audience, soon - 3000))).2, 700_027);
    assert_eq!(code(&try_with("a.b.c".into())).2, 700_027);
    assert_eq!(code(&world.sign_in("")).2, 7_000_215);
}

#[test]
fn tokens_end_with_time_or_revocation_and_open_only_their_tenant() {
    let mut world = World::new();
    let url = format!("/v1.0/users/{ROOM}/calendarView?{WINDOW}");
    assert_eq!(world.get(&url).status, 200);
    let foreign = world.twin.tenant(OTHER).unwrap().mailbox(ROOM).unwrap().id.clone();
    assert_eq!(world.get(&format!("/v1.0/users/{foreign}/calendarView?{WINDOW}")).status, 404);
    world.wait(3600);
    let got = world.get(&url);
    assert_eq!((got.status, got.body["error"]["code"].as_str()), (401, Some("InvalidAuthenticationToken")));
    world.token = world.sign_in("s3cret~+/=").body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&url).status, 200);
    world.twin.revoke_tokens(TENANT);
    assert_eq!(world.get(&url).status, 401);
}

#[test]
fn roles_scope_and_mailbox_state_decide_over_calls() {
    let mut world = World::new();
    let url = format!("/v1.0/users/{ROOM}/calendarView?{WINDOW}");
    let answer = |world: &mut World, url: &str| {
        let got = world.get(url);
        (got.status, got.body["error"]["code"].as_str().unwrap_or("").to_owned())
    };
    world.twin.change_app(TENANT, CLIENT, |app| app.out_of_scope = [ROOM.to_owned()].into());
    assert_eq!(answer(&mut world, &url), (403, "ErrorAccessDenied".into()));
    assert_eq!(world.get(&url.replace(ROOM, SECOND)).status, 200);
    world.twin.change_app(TENANT, CLIENT, |app| app.out_of_scope.clear());
    world.twin.change_mailbox(TENANT, ROOM, |mailbox| mailbox.state = MailboxState::NotEnabled);
    assert_eq!(answer(&mut world, &url), (404, "MailboxNotEnabledForRESTAPI".into()));
    world.twin.remove_room(TENANT, ROOM);
    assert_eq!(answer(&mut world, &url), (404, "ErrorInvalidUser".into()));
    assert_eq!(answer(&mut world, "/v1.0/users/nobody"), (404, "Request_ResourceNotFound".into()));
    // A token without roles is issued all the same and opens nothing.
    world.twin.change_app(TENANT, CLIENT, |app| app.roles = Some([].into()));
    world.token = world.sign_in("s3cret~+/=").body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(answer(&mut world, &url.replace(ROOM, SECOND)).0, 403);
    assert_eq!(answer(&mut world, "/v1.0/places/microsoft.graph.room").0, 403);
}
