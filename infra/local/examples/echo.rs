//! A tiny Lambda for the tests of the host: it does what its messages say and writes down what it saw.

use std::path::Path;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}

/// A queue's event is answered with the messages that asked to fail, any other event with itself.
async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let Some(records) = event.payload["Records"].as_array() else { return act(&event.payload).await };
    let mut failures = Vec::new();
    for record in records {
        let body: Value = serde_json::from_str(record["body"].as_str().unwrap_or_default())?;
        if act(&body).await.is_err() {
            failures.push(json!({"itemIdentifier": record["messageId"]}));
        }
    }
    Ok(json!({"batchItemFailures": failures}))
}

async fn act(wish: &Value) -> Result<Value, Error> {
    note(&wish["id"].to_string());
    match wish["do"].as_str() {
        Some("fail") => Err("as you wish".into()),
        Some("crash") => std::process::exit(3),
        Some("hang") => std::future::pending().await,
        // Leaves a file in a folder and waits until there are two: only those who are there at once get through.
        Some("meet") => {
            let folder = Path::new(wish["folder"].as_str().unwrap_or_default());
            std::fs::write(folder.join(wish["id"].to_string()), "")?;
            while std::fs::read_dir(folder)?.count() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(Value::Null)
        }
        _ => Ok(wish.clone()),
    }
}

#[expect(clippy::print_stdout, reason = "standard output is a Lambda's log")]
fn note(line: &str) {
    println!("{line}");
}
