//! A stack with the echo Lambda as its only function, hosted for the length of a test.

use std::convert::Infallible;
use std::future::Future;
use std::path::{Path, PathBuf};

use roomsync_local::{Binaries, Host, News, Place, Ports, Teller, serve_runtime_api};
use roomsync_template::{Names, Stack, Template};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;

const TEMPLATE: &str = r#"
Resources:
  Role: {Type: AWS::IAM::Role}
  EchoFunction:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: echo
      Role: !GetAtt Role.Arn
      Timeout: 1
      ReservedConcurrentExecutions: 2
      Environment: {Variables: {QUEUE: !Ref Jobs}}
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 2}
        Hook: {Type: HttpApi, Properties: {ApiId: !Ref Door, Method: POST, Path: /hook}}
  Door: {Type: AWS::Serverless::HttpApi}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: jobs.fifo
      FifoQueue: true
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1}
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead.fifo, FifoQueue: true}}
"#;

/// A folder, five ports and the stack.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) place: Place,
    pub(crate) ports: Ports,
    pub(crate) stack: Stack,
    pub(crate) host: Host,
    pub(crate) teller: Teller,
    pub(crate) news: UnboundedReceiver<News>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let place = Place::new(&checkout, folder.path());
        std::fs::create_dir_all(folder.path().join("logs")).expect("a folder for logs");
        let ports = free_ports();
        let names = Names::new("test", "eu-west-1", "000000000000", &ports.aws_url());
        let template = Template::parse(TEMPLATE).expect("the template above");
        let stack = template.stack(&names).expect("the template above");
        let (teller, news) = Teller::new();
        Self { host: Host::new(&stack), folder, place, ports, stack, teller, news }
    }

    /// Hosts the function until the test's own future is done.
    pub(crate) async fn hosting<T>(&self, test: impl Future<Output = T>) -> T {
        let listener = TcpListener::bind(("127.0.0.1", self.ports.runtime_api)).await.expect("a free port");
        let binaries = Binaries::from([("echo".to_owned(), echo())]);
        tokio::select! {
            result = test => result,
            ended = serve_runtime_api(listener, self.host.lambdas.clone()) => panic!("{ended:?}"),
            ended = self.keep_running(&binaries) => panic!("{ended:?}"),
        }
    }

    async fn keep_running(&self, binaries: &Binaries) -> anyhow::Result<Infallible> {
        self.host.keep_running(binaries, &self.place, self.ports, &self.teller).await
    }

    /// What the function has written down, line by line.
    pub(crate) fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.place.log("echo")).expect("the function's log");
        text.lines()
            .filter(|line| line.starts_with('"'))
            .map(|line| line.trim_matches('"').to_owned())
            .collect()
    }
}

/// The example's binary, which cargo builds beside the tests.
pub(crate) fn echo() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.ancestors().nth(2).expect("tests live in target/debug/deps");
    folder.join("examples/echo")
}

/// Ports that nobody has at the moment. Each is found by itself: a row of five may not be free.
fn free_ports() -> Ports {
    let port = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("it is bound").port()
    };
    Ports { aws: port(), runtime_api: port(), graph: port(), board: port(), webhook: port() }
}

/// Programs that run from this path, anywhere on the machine.
pub(crate) fn running(program: &Path, ports: Ports) -> usize {
    let needle = format!("AWS_LAMBDA_RUNTIME_API=http://127.0.0.1:{}/", ports.runtime_api);
    let processes = std::fs::read_dir("/proc").expect("a Linux machine").flatten();
    processes
        .filter(|process| std::fs::read_link(process.path().join("exe")).is_ok_and(|exe| exe == program))
        .filter(|process| {
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&needle)
        })
        .count()
}
