//! The reader itself, on small templates made for one question each.

use roomsync_template::{Names, Stack, Template, TemplateError};

fn names() -> Names {
    Names::new("demo", "eu-west-1", "000000000000", "http://127.0.0.1:4566")
}

fn stack(text: &str) -> Result<Stack, TemplateError> {
    Template::parse(text)?.stack(&names())
}

const FUNCTION: &str = r#"
Parameters:
  Level: {Type: String, Default: info}
  Limit: {Type: Number, Default: 7}
  Key: {Type: String, Default: ""}
Conditions:
  HasKey: !Not [!Equals [!Ref Key, ""]]
Globals:
  Function:
    Timeout: 20
    Environment: {Variables: {LEVEL: !Ref Level, QUEUE: "overridden"}}
Resources:
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${AWS::StackName}-jobs.fifo", FifoQueue: true}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: p
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Jobs.Arn}
              - !If [HasKey, {Effect: Allow, Action: ["kms:Decrypt"], Resource: [!Ref Key]}, !Ref AWS::NoValue]
  NightWorkerFunction:
    Type: AWS::Serverless::Function
    Properties:
      Role: !GetAtt Role.Arn
      ReservedConcurrentExecutions: !Ref Limit
      Environment: {Variables: {QUEUE: !Ref Jobs, LIMIT: !Ref Limit, N: 3, HERE: !Sub "${Door.ApiEndpoint}/x"}}
      Events:
        Tick: {Type: Schedule, Properties: {Schedule: rate(3 minutes)}}
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, ScalingConfig: {MaximumConcurrency: !Ref Limit}}}
        Hook: {Type: HttpApi, Properties: {ApiId: !Ref Door, Method: post, Path: "/hook/{id}"}}
  Door:
    Type: AWS::Serverless::HttpApi
    Properties: {DefaultRouteSettings: {ThrottlingRateLimit: !Ref Limit, ThrottlingBurstLimit: 9}}
  Seal:
    Type: AWS::SecretsManager::Secret
    Properties: {Name: demo/seal, GenerateSecretString: {}}
"#;

#[test]
fn a_function_is_shown_with_globals_references_and_parameters_applied() {
    let stack = stack(FUNCTION).unwrap();
    let function = stack.function("NightWorkerFunction").unwrap();
    assert_eq!(function.name, "demo-NightWorkerFunction");
    assert_eq!(function.binary(), "night-worker");
    assert_eq!(function.timeout_seconds, 20);
    let environment: Vec<_> = function.environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        environment,
        [
            ("HERE", "https://demo-door.execute-api.eu-west-1.amazonaws.com/x"),
            ("LEVEL", "info"),
            ("LIMIT", "7"),
            ("N", "3"),
            ("QUEUE", "http://127.0.0.1:4566/000000000000/demo-jobs.fifo")
        ]
    );
    assert_eq!(function.schedules[0].every_seconds, 180);
    assert_eq!(function.queues[0].queue_arn, "arn:aws:sqs:eu-west-1:000000000000:demo-jobs.fifo");
    assert_eq!(function.queues[0].batch_size, 10);
    assert!(!function.queues[0].partial_failures);
    assert_eq!(function.queues[0].maximum_concurrency, Some(7));
    assert_eq!(function.reserved_concurrency, Some(7));
    let route = &function.routes[0];
    assert_eq!((route.method.as_str(), route.path.as_str()), ("POST", "/hook/{id}"));
    assert_eq!((route.api.as_deref(), route.payload_format.as_str()), (Some("demo-Door"), "2.0"));
}

#[test]
fn http_apis_and_secrets_are_shown_and_an_api_may_be_elsewhere() {
    let template = Template::parse(FUNCTION).unwrap();
    let stack = template.stack(&names().api_endpoint("http://127.0.0.1:9")).unwrap();
    let api = &stack.http_apis[0];
    assert_eq!((api.id.as_str(), api.rate_limit, api.burst_limit), ("demo-Door", Some(7), Some(9)));
    assert_eq!(stack.functions[0].environment["HERE"], "http://127.0.0.1:9/x");
    let secret = &stack.secrets[0];
    assert_eq!((secret.name.as_str(), secret.generated_characters), ("demo/seal", Some(32)));
    assert_eq!(secret.arn, "arn:aws:secretsmanager:eu-west-1:000000000000:secret:demo/seal-000000");
}

#[test]
fn no_value_leaves_a_statement_out_and_a_parameter_brings_it_in() {
    let template = Template::parse(FUNCTION).unwrap();
    let without = template.stack(&names()).unwrap();
    assert_eq!(without.roles[0].statements.len(), 1);
    let with = template.stack(&names().parameter("Key", "arn:aws:kms:eu-west-1:1:key/k")).unwrap();
    assert_eq!(with.roles[0].statements[1].resources, ["arn:aws:kms:eu-west-1:1:key/k"]);
}

#[test]
fn what_leads_nowhere_is_named_with_the_resource_that_uses_it() {
    for (resource, expected) in [
        ("Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Gone}}", "`Q` refers to `Gone`"),
        ("Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub 'a-${Gone}'}}", "`Q` refers to `Gone`"),
        ("Q: {Type: AWS::SQS::Queue, Properties: {X: !GetAtt Q.Colour}}", "`Q` refers to `Q.Colour`"),
        ("Q: {Type: AWS::SQS::Queue, Properties: {X: !If [Gone, 1, 2]}}", "`Q` refers to `Gone`"),
        ("Q: {Type: AWS::SQS::Queue, Properties: {X: !Split [a, b]}}", "`Q` uses `Fn::Split`"),
        ("T: {Type: AWS::DynamoDB::Table, Properties: {}}", "`T`: missing field"),
        (
            "F: {Type: AWS::Serverless::Function, Properties: {Role: r, Events: {E: {Type: Schedule, Properties: {Schedule: cron(x)}}}}}",
            "`cron(x)` is not a rate",
        ),
    ] {
        let error = stack(&format!("Resources:\n  {resource}\n")).unwrap_err().to_string();
        assert!(error.contains(expected), "{resource}: {error}");
    }
}

#[test]
fn a_parameter_without_default_has_to_be_given() {
    let text = "Parameters: {P: {Type: String}}\nResources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref P}}}";
    assert!(stack(text).unwrap_err().to_string().contains("`P`: is a parameter without a value"));
    let given = Template::parse(text).unwrap().stack(&names().parameter("P", "given")).unwrap();
    assert_eq!(given.queues[0].name, "given");
}

#[test]
fn a_resource_may_have_no_properties_at_all() {
    let queue = &stack("Resources: {Q: {Type: AWS::SQS::Queue}}").unwrap().queues[0];
    assert_eq!((queue.fifo, queue.visibility_seconds, queue.dead_letter.is_none()), (false, 30, true));
}
