use crate::support::*;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use roomsync_domain::RoomId;
use roomsync_domain::tenant::{Cloud, SecretName};
use roomsync_ports::{Calendar, Graph, GraphError};
use std::collections::BTreeMap;
use std::time::Duration;

/// Its fingerprint was taken with openssl; the key that goes with it is kept nowhere.
const CERTIFICATE: &str = include_str!("certificate.pem");

fn private_key(pair: &KeyPair) -> String {
    pem::encode(&pem::Pem::new("PRIVATE KEY", pair.as_der().unwrap().as_ref()))
}

fn refused(status: u16, error: &str, number: u32) -> Reply {
    reply(
        status,
        &[("x-ms-request-id", "login-1")],
        format!(
            r#"{{"error":"{error}","error_description":"AADSTS{number}: Canary","error_codes":[{number}],"trace_id":"t-1"}}"#
        ),
    )
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn code(error: &GraphError) -> &str {
    match error {
        GraphError::Credential(trace) => &trace.code,
        other => panic!("not a refused credential: {other:?}"),
    }
}

#[tokio::test]
async fn a_secret_is_shown_in_a_form_to_the_tenants_login_host() {
    let world = World::default();
    world.network.answers(empty_view());
    world.tenant().view(&room(), week(), BOTH, None).await.unwrap();
    let request = &world.network.login_requests()[0];
    assert_eq!(
        request.uri().to_string(),
        format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token")
    );
    assert!(request.headers().contains_key("client-request-id"));
    let expected = [
        ("client_id", CLIENT),
        ("client_secret", "s~e+c/r=t"),
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    assert_eq!(form(request.body()), expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    let graph_request = &world.network.graph_requests()[0];
    assert!(graph_request.headers()["authorization"].is_sensitive());
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_for_the_token_endpoint() {
    #[derive(serde::Deserialize)]
    struct Claims {
        iss: String,
        sub: String,
        jti: String,
        iat: i64,
        nbf: i64,
        exp: i64,
    }
    let world = World::default();
    world.network.answers(empty_view());
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    *world.safe.value.lock().unwrap() = format!("{CERTIFICATE}{}", private_key(&pair));
    let mut config = config(TENANT);
    config.credential.secret = None;
    config.credential.certificate = Some(SecretName { name: "demo".into(), expires: None });
    world.client().tenant(&config).view(&room(), week(), BOTH, None).await.unwrap();
    let form = form(world.network.login_requests()[0].body());
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert!(!form.contains_key("client_secret"));
    let key = jsonwebtoken::DecodingKey::from_rsa_der(pair.public_key().as_ref());
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::PS256);
    rules.set_audience(&[format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token")]);
    rules.validate_exp = false;
    let token = jsonwebtoken::decode::<Claims>(form["client_assertion"].as_str(), &key, &rules).unwrap();
    assert_eq!(token.header.typ.as_deref(), Some("JWT"));
    assert_eq!(token.header.x5t_s256.as_deref(), Some("fpZRPUPHH4PsAqhsCwUTIfry4YLThch-W7r3_SUlOpg"));
    let claims = token.claims;
    assert_eq!((claims.iss.as_str(), claims.sub.as_str()), (CLIENT, CLIENT));
    let now = at("2026-02-09T12:00:00Z").timestamp();
    assert_eq!((claims.iat, claims.nbf, claims.exp), (now, now, now + 600));
    assert!(uuid::Uuid::try_parse(&claims.jti).is_ok());
}

#[tokio::test]
async fn certificates_that_cannot_be_used() {
    let key = private_key(&KeyPair::generate(KeySize::Rsa2048).unwrap());
    let elliptic = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let table = [
        (CERTIFICATE.to_owned(), "PrivateKeyMissingInSecret"),
        (key, "CertificateMissingInSecret"),
        (String::new(), "CertificateMissingInSecret"),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----".to_owned(), "CertificateIsNotPem"),
        (format!("{CERTIFICATE}{elliptic}"), "PrivateKeyIsNotRsa"),
    ];
    for (text, expected) in table {
        let world = World::default();
        *world.safe.value.lock().unwrap() = text;
        let mut config = config(TENANT);
        config.credential.certificate = config.credential.secret.take();
        let error = world.client().tenant(&config).view(&room(), week(), BOTH, None).await.unwrap_err();
        assert_eq!(code(&error), expected);
        assert!(world.network.login_requests().is_empty());
    }
}

#[tokio::test]
async fn fifty_rooms_at_once_are_one_token() {
    let world = World::default();
    for _ in 0..50 {
        world.network.answers(empty_view());
    }
    let client = world.client();
    let calls = (0..50).map(|number| {
        let graph = client.tenant(&config(TENANT));
        async move { graph.view(&RoomId::new(format!("room-{number}")), week(), BOTH, None).await }
    });
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(world.network.login_requests().len(), 1);
    assert_eq!(*world.safe.readings.lock().unwrap(), 1);
}

#[tokio::test]
async fn tenants_applications_and_clouds_share_no_token() {
    let world = World::default();
    let client = world.client();
    let mut application = config(TENANT);
    application.credential.client_id = "ffffffff-7f0b-4c3e-a9c5-1d2e3f405162".into();
    let mut cloud = config(TENANT);
    cloud.cloud = Cloud::GccHigh;
    let configs = [config(TENANT), config("11111111-6d4d-4958-8b9f-9d6445542f95"), application, cloud];
    for (number, config) in configs.iter().enumerate() {
        world.network.answers(empty_view());
        client.tenant(config).view(&room(), week(), BOTH, None).await.unwrap();
        assert_eq!(bearer(&world.network.graph_requests()[number]), format!("Bearer token-{}", number + 1));
    }
    let login = world.network.login_requests();
    assert_eq!(login[3].uri().host(), Some("login.microsoftonline.us"));
    assert_eq!(form(login[3].body())["scope"], "https://graph.microsoft.us/.default");
    assert_eq!(world.network.graph_requests()[3].uri().host(), Some("graph.microsoft.us"));
}

#[tokio::test]
async fn a_token_is_replaced_five_minutes_early_or_at_half_its_life() {
    for (life, good_for) in [(3600, 3300), (400, 200), (0, 0)] {
        let world = World::default();
        world.network.login.lock().unwrap().push_back(token("first", life));
        for _ in 0..3 {
            world.network.answers(empty_view());
        }
        let graph = world.tenant();
        graph.view(&room(), week(), BOTH, None).await.unwrap();
        if good_for > 0 {
            world.clock.forward(Duration::from_secs(good_for - 1));
            graph.view(&room(), week(), BOTH, None).await.unwrap();
            assert_eq!(world.network.login_requests().len(), 1, "life {life}");
            world.clock.forward(Duration::from_secs(1));
        }
        graph.view(&room(), week(), BOTH, None).await.unwrap();
        assert_eq!(world.network.login_requests().len(), 2, "life {life}");
    }
}

#[tokio::test]
async fn a_secret_changed_in_the_meantime_is_in_use_at_the_next_token() {
    let world = World::default();
    world.network.answers(empty_view()).answers(empty_view());
    let graph = world.tenant();
    graph.view(&room(), week(), BOTH, None).await.unwrap();
    *world.safe.value.lock().unwrap() = "new".into();
    world.clock.forward(Duration::from_secs(3600));
    graph.view(&room(), week(), BOTH, None).await.unwrap();
    assert_eq!(form(world.network.login_requests()[1].body())["client_secret"], "new");
}

#[tokio::test]
async fn a_refused_secret_is_read_once_more() {
    let world = World::default();
    world.safe.before.lock().unwrap().push_back("old".into());
    world.network.login.lock().unwrap().push_back(refused(401, "invalid_client", 7_000_222));
    world.network.answers(empty_view());
    world.tenant().view(&room(), week(), BOTH, None).await.unwrap();
    let shown: Vec<_> = world
        .network
        .login_requests()
        .iter()
        .map(|request| form(request.body())["client_secret"].clone())
        .collect();
    assert_eq!(shown, ["old", "s~e+c/r=t"]);
}

#[tokio::test]
async fn a_refused_credential_is_remembered_for_thirty_seconds() {
    let world = World::default();
    world.network.login.lock().unwrap().push_back(refused(401, "invalid_client", 7_000_215));
    let client = world.client();
    let calls =
        (0..100).map(|number| {
            let graph = client.tenant(&config(TENANT));
            async move {
                graph.view(&RoomId::new(format!("room-{number}")), week(), BOTH, None).await.unwrap_err()
            }
        });
    for error in futures::future::join_all(calls).await {
        assert_eq!(code(&error), "AADSTS7000215");
        assert!(error.to_string().contains("login-1") && !error.to_string().contains("Canary"));
    }
    world.clock.forward(Duration::from_secs(29));
    client.tenant(&config(TENANT)).view(&room(), week(), BOTH, None).await.unwrap_err();
    assert_eq!(world.network.login_requests().len(), 1, "the secret is the same one");
    assert!(world.network.graph_requests().is_empty());
    world.clock.forward(Duration::from_secs(1));
    world.network.answers(empty_view());
    client.tenant(&config(TENANT)).view(&room(), week(), BOTH, None).await.unwrap();
}

#[tokio::test]
async fn what_the_login_host_says() {
    let html = || reply(400, &[], "<html>Canary</html>");
    let table: Vec<(Reply, &str, &str)> = vec![
        (refused(400, "unauthorized_client", 700_016), "credential refused", "AADSTS700016"),
        (refused(400, "invalid_request", 90_002), "credential refused", "AADSTS90002"),
        (reply(400, &[], r#"{"error":"invalid_scope"}"#), "credential refused", "invalid_scope"),
        (reply(400, &[], r#"{"error":"temporarily_unavailable"}"#), "unreachable", "temporarily_unavailable"),
        (reply(429, &[("retry-after", "7")], ""), "throttled, retry after Some(7s)", "LoginRefused"),
        (reply(503, &[("retry-after", "7")], ""), "throttled, retry after Some(7s)", "LoginRefused"),
        (reply(503, &[], "<html>"), "unreachable", "LoginRefused"),
        (html(), "unusable answer", "LoginRefused"),
        (reply(302, &[], ""), "unusable answer", "LoginRefused"),
        (ok("<html>"), "unusable answer", "LoginAnswerIsNotJson"),
        (ok(""), "unusable answer", "LoginEmptyAnswer"),
        (reply(200, &[("content-type", "text/html")], "{}"), "unusable answer", "LoginAnswerIsNotJson"),
        (ok(r#"{"access_token":"x"}"#), "unusable answer", "LoginUnexpectedAnswer"),
        (ok(r#"{"access_token":"x","expires_in":"soon"}"#), "unusable answer", "LoginWithoutExpiry"),
        (ok(r#"{"access_token":"x\ny","expires_in":3600}"#), "unusable answer", "LoginTokenUnreadable"),
        (Err(roomsync_graph::TransportError::Timeout), "unreachable", "LoginTimeout"),
    ];
    for (answer, outcome, expected) in table {
        let world = World::default();
        world.network.login.lock().unwrap().push_back(answer);
        let graph = world.tenant();
        for _ in 0..2 {
            let error = graph.view(&room(), week(), BOTH, None).await.unwrap_err().to_string();
            assert!(
                error.starts_with(outcome) && error.contains(expected),
                "{error}, expected {outcome}, {expected}"
            );
            assert!(!error.contains("Canary"));
        }
        assert_eq!(world.network.login_requests().len(), 1, "the second call fails with the first");
        assert!(world.network.graph_requests().is_empty());
    }
}

#[tokio::test]
async fn the_life_of_a_token_may_be_text() {
    let world = World::default();
    let body = r#"{"token_type":"Bearer","expires_in":"3599","access_token":"x"}"#;
    let json = [("content-type", "application/json; charset=utf-8")];
    world.network.login.lock().unwrap().push_back(reply(200, &json, body));
    world.network.answers(empty_view()).answers(empty_view());
    let graph = world.tenant();
    for _ in 0..2 {
        graph.view(&room(), week(), BOTH, None).await.unwrap();
    }
    assert_eq!(bearer(&world.network.graph_requests()[1]), "Bearer x");
}

#[tokio::test]
async fn a_secret_that_is_not_there() {
    let world = World::default();
    let mut config = config(TENANT);
    config.credential.secret = Some(SecretName { name: "lost".into(), expires: None });
    let error = world.client().tenant(&config).view(&room(), week(), BOTH, None).await.unwrap_err();
    assert_eq!(code(&error), "SecretMissing");
    config.credential.client_id = "another".into();
    config.credential.secret = None;
    let error = world.client().tenant(&config).view(&room(), week(), BOTH, None).await.unwrap_err();
    assert_eq!(code(&error), "NoCredentialConfigured");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let world = World::default();
    world
        .network
        .answers(error(401, "InvalidAuthenticationToken"))
        .answers(empty_view())
        .answers(empty_view());
    let graph = world.tenant();
    graph.view(&room(), week(), BOTH, None).await.unwrap();
    graph.view(&room(), week(), BOTH, None).await.unwrap();
    let requests = world.network.graph_requests();
    assert_eq!(
        [0, 1, 2].map(|n: usize| bearer(&requests[n])),
        ["Bearer token-1", "Bearer token-2", "Bearer token-2"]
    );
    assert_eq!(*world.safe.readings.lock().unwrap(), 2, "the secret was read again");
}

#[tokio::test]
async fn a_tenant_whose_fresh_tokens_are_refused_too_is_not_asked_again_and_again() {
    let world = World::default();
    for _ in 0..4 {
        world.network.answers(error(401, "InvalidAuthenticationToken"));
    }
    let graph = world.tenant();
    for rooms in ["a", "b", "c"] {
        let error = graph.view(&RoomId::new(rooms), week(), BOTH, None).await.unwrap_err();
        assert!(matches!(error, GraphError::Unauthorized(_)), "{error:?}");
    }
    assert_eq!(world.network.graph_requests().len(), 4);
    assert_eq!(world.network.login_requests().len(), 2);
    world.clock.forward(Duration::from_secs(30));
    world.network.answers(error(401, "InvalidAuthenticationToken")).answers(empty_view());
    graph.view(&room(), week(), BOTH, None).await.unwrap();
    assert_eq!(world.network.login_requests().len(), 3);
}

#[tokio::test]
async fn fifty_refused_calls_replace_the_token_once() {
    let world = World::default();
    for _ in 0..50 {
        world.network.answers(error(401, "InvalidAuthenticationToken"));
    }
    for _ in 0..50 {
        world.network.answers(empty_view());
    }
    let client = world.client();
    let calls = (0..50).map(|number| {
        let graph = client.tenant(&config(TENANT));
        async move { graph.view(&RoomId::new(format!("room-{number}")), week(), BOTH, None).await }
    });
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(world.network.login_requests().len(), 2);
}

#[tokio::test]
async fn a_role_granted_later_is_in_the_next_token() {
    let world = World::default();
    let forbidden = || error(403, "ErrorAccessDenied");
    world.network.answers(forbidden());
    let graph = world.tenant();
    let denied = |result: Result<_, GraphError>| assert!(matches!(result, Err(GraphError::Forbidden(_))));
    denied(graph.view(&room(), week(), BOTH, None).await.map(drop));
    assert_eq!(world.network.login_requests().len(), 1, "a fresh token knows all roles");

    world.clock.forward(Duration::from_secs(60));
    world.network.answers(forbidden()).answers(empty_view()).answers(empty_view());
    graph.view(&room(), week(), BOTH, None).await.unwrap();
    graph.view(&room(), week(), BOTH, None).await.unwrap();
    assert_eq!(world.network.login_requests().len(), 2);

    world.clock.forward(Duration::from_secs(60));
    world.network.login.lock().unwrap().push_back(reply(503, &[], ""));
    world.network.answers(forbidden()).answers(empty_view());
    denied(graph.view(&room(), week(), BOTH, None).await.map(drop));
    graph.view(&RoomId::new("another"), week(), BOTH, None).await.unwrap();
    assert_eq!(bearer(&world.network.graph_requests()[5]), "Bearer token-2", "the old token still serves");
}
