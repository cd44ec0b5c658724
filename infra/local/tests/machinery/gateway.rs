//! From HTTP to a real process and back.

use crate::support::Bench;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Response};
use roomsync_local::serve_http_api;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Answers requests beside the test's own future, which gets the API's address.
async fn answering(test: impl AsyncFnOnce(Client, String)) {
    let bench = Bench::new();
    let listener = TcpListener::bind(("127.0.0.1", bench.ports.webhook)).await.expect("a free port");
    let answered = async {
        tokio::select! {
            () = test(Client::new(), bench.ports.webhook_url()) => {}
            ended = serve_http_api(listener, &bench.host, &bench.teller) => panic!("{ended:?}"),
        }
    };
    bench.hosting(answered).await;
}

async fn json_of(response: Response) -> Value {
    response.json().await.expect("JSON")
}

#[tokio::test]
async fn a_request_is_an_event_as_api_gateway_writes_it() {
    answering(async |client, url| {
        let request = client
            .post(format!("{url}/hook?a=1&b=x%20+y&a=2"))
            .header("X-Twice", "one")
            .header("X-Twice", "two")
            .header("content-type", "application/json");
        let event = json_of(request.body("{\"ü\":1}").send().await.unwrap()).await;
        assert_eq!(event["version"], "2.0");
        assert_eq!((&event["rawPath"], &event["routeKey"]), (&json!("/hook"), &json!("POST /hook")));
        assert_eq!(event["rawQueryString"], "a=1&b=x%20+y&a=2");
        assert_eq!(event["queryStringParameters"], json!({"a": "1,2", "b": "x  y"}));
        assert_eq!(event["headers"]["x-twice"], "one,two");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{\"ü\":1}"), &json!(false)));
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
        assert_eq!(event["requestContext"]["stage"], "$default");

        let binary = client.post(format!("{url}/hook")).body(vec![0xff_u8, 0]);
        let event = json_of(binary.send().await.unwrap()).await;
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!(STANDARD.encode([0xff, 0])), &json!(true))
        );
        let nothing = json_of(client.post(format!("{url}/hook")).send().await.unwrap()).await;
        assert_eq!(nothing.get("body"), None);
    })
    .await;
}

#[tokio::test]
async fn what_no_route_is_for_never_reaches_a_function() {
    answering(async |client, url| {
        let wrong = [
            client.get(format!("{url}/hook")),
            client.post(format!("{url}/hook/")),
            client.post(format!("{url}/other")),
            client.delete(url.clone()),
        ];
        for request in wrong {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 404);
            assert_eq!(json_of(response).await, json!({"message": "Not Found"}));
        }
        let large = client.post(format!("{url}/hook")).body(vec![b'x'; 10 * 1024 * 1024 + 1]);
        assert_eq!(large.send().await.unwrap().status(), 413);
    })
    .await;
}
