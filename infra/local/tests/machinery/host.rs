//! The host: real processes behind our own Runtime API.

use crate::support::{Bench, echo, running};
use roomsync_local::{InvocationError, News};
use serde_json::json;

#[tokio::test]
async fn an_invocation_is_answered_by_the_real_binary_or_fails_with_its_error() {
    let bench = Bench::new();
    let lambda = &bench.host.lambdas["echo"];
    bench
        .hosting(async {
            lambda.up().await;
            let event = json!({"id": "a", "text": "ünïcode"});
            assert_eq!(lambda.invoke(&event).await, Ok(event));
            let failure = lambda.invoke(&json!({"do": "fail"})).await.unwrap_err();
            assert!(matches!(failure, InvocationError::Failed { message, .. } if message == "as you wish"));
        })
        .await;
}

#[tokio::test]
async fn a_crash_and_a_timeout_cost_one_invocation_and_the_function_goes_on() {
    let mut bench = Bench::new();
    let lambda = bench.host.lambdas["echo"].clone();
    bench
        .hosting(async {
            assert_eq!(lambda.invoke(&json!({"do": "crash"})).await, Err(InvocationError::Crashed));
            assert_eq!(lambda.invoke(&json!({"do": "hang"})).await, Err(InvocationError::TimedOut(1)));
            for id in 0..5 {
                assert_eq!(lambda.invoke(&json!({"id": id})).await, Ok(json!({"id": id})));
            }
        })
        .await;
    let News::Trouble(trouble) = bench.news.recv().await.unwrap() else { panic!("not a trouble") };
    assert!(trouble.contains("exit status: 3") && trouble.contains("echo.log"), "{trouble}");
}

#[tokio::test]
async fn as_many_processes_run_as_the_event_source_may_use_and_none_is_left() {
    let bench = Bench::new();
    let lambda = &bench.host.lambdas["echo"];
    let (program, ports) = (echo().canonicalize().unwrap(), bench.ports);
    bench
        .hosting(async {
            // Both get through only if they run at the same time.
            let folder = bench.folder.path().join("meeting");
            std::fs::create_dir(&folder).unwrap();
            let meet = async |id| lambda.invoke(&json!({"do": "meet", "folder": folder, "id": id})).await;
            futures::future::try_join(meet(1), meet(2)).await.unwrap();
            assert_eq!(running(&program, ports), 2);
        })
        .await;
    assert_eq!(running(&program, ports), 0);
}

#[tokio::test]
async fn a_function_sees_the_template_and_lambda_in_its_environment_and_nothing_of_ours() {
    let bench = Bench::new();
    let environment = roomsync_local::environment(&bench.stack.functions[0], 1, bench.ports);
    assert_eq!(environment["QUEUE"], format!("{}/000000000000/jobs.fifo", bench.ports.aws_url()));
    assert_eq!(environment["AWS_ENDPOINT_URL"], bench.ports.aws_url());
    assert!(environment["AWS_LAMBDA_RUNTIME_API"].ends_with("/echo/1"));
    assert!(!environment.contains_key("HOME") && !environment.contains_key("PATH"));
}
