//! What `template.yaml` promises. Each test names the promise; a new resource has to keep all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use roomsync_template::{Function, LocalIndex, Names, Role, Stack, Template};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn template() -> Template {
    Template::load(&root().join("template.yaml")).expect("template.yaml is well-formed")
}

fn names() -> Names {
    Names::new("roomsync", "eu-west-1", "123456789012", "https://sqs.eu-west-1.amazonaws.com")
}

fn stack() -> Stack {
    template().stack(&names()).expect("template.yaml leads nowhere wrong")
}

fn set<'a>(items: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    items.into_iter().map(str::to_owned).collect()
}

// ---- queues

#[test]
fn every_queue_is_fifo_encrypted_and_named_so() {
    let stack = stack();
    assert_eq!(stack.queues.len(), 8);
    for queue in &stack.queues {
        assert!(queue.fifo, "{}", queue.logical);
        assert!(queue.encrypted, "{}", queue.logical);
        assert!(queue.name.ends_with(".fifo"), "{}: {}", queue.logical, queue.name);
    }
}

#[test]
fn every_queue_has_a_dead_letter_queue_that_accepts_it_and_keeps_messages_for_two_weeks() {
    let stack = stack();
    let (dead, working): (Vec<_>, Vec<_>) =
        stack.queues.iter().partition(|queue| queue.logical.contains("DeadLetter"));
    assert_eq!(dead.len(), working.len());
    for queue in working {
        let target = queue.dead_letter.as_ref().unwrap_or_else(|| panic!("{} has none", queue.logical));
        // Many only where a try is worth while for long and comes a minute or more after the last.
        let most = match queue.logical.as_str() {
            "TenantQueue" => 20,
            "BookingCommandsQueue" => 300,
            _ => 10,
        };
        assert!((2..=most).contains(&target.tries), "{}", queue.logical);
        let target = dead.iter().find(|dead| dead.arn == target.arn).unwrap();
        assert_eq!(target.dead_letter_of.as_slice(), std::slice::from_ref(&queue.arn), "{}", target.logical);
        assert_eq!(target.retention_seconds, 1_209_600, "{}", target.logical);
        assert!(target.dead_letter.is_none(), "{}", target.logical);
    }
}

#[test]
fn every_queue_refuses_plain_http() {
    let stack = stack();
    let (_, policy) = stack.of_type("AWS::SQS::QueuePolicy").next().unwrap();
    let covered: BTreeSet<_> =
        policy["Queues"].as_array().unwrap().iter().filter_map(|q| q.as_str()).collect();
    assert_eq!(covered, stack.queues.iter().map(|queue| queue.url.as_str()).collect());
    let statement = &policy["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Effect"], "Deny");
    assert_eq!(statement["Condition"]["Bool"]["aws:SecureTransport"], "false");
}

#[test]
fn senders_of_booking_commands_find_their_queue_under_its_name() {
    let stack = stack();
    assert_eq!(stack.queue("BookingCommandsQueue").unwrap().name, "roomsync-booking-commands.fifo");
    assert_eq!(
        stack.queue("BookingCommandsDeadLetterQueue").unwrap().name,
        "roomsync-booking-commands-dead-letter.fifo"
    );
}

// ---- functions

#[test]
fn every_queue_event_reports_failures_one_by_one_in_batches_of_at_most_ten() {
    let stack = stack();
    let mut sources = 0;
    for function in &stack.functions {
        for source in &function.queues {
            sources += 1;
            assert!(source.partial_failures, "{}", function.logical);
            assert!((1..=10).contains(&source.batch_size), "{}", function.logical);
            assert!(source.maximum_concurrency.is_some(), "{}", function.logical);
        }
    }
    assert_eq!(sources, 4);
}

#[test]
fn visibility_is_at_least_six_times_the_timeout_and_retention_outlives_all_tries() {
    let stack = stack();
    for function in &stack.functions {
        for source in &function.queues {
            let queue = stack.queues.iter().find(|queue| queue.arn == source.queue_arn).unwrap();
            assert!(queue.visibility_seconds >= 6 * function.timeout_seconds, "{}", queue.logical);
            let tries = queue.dead_letter.as_ref().unwrap().tries;
            assert!(queue.retention_seconds > tries * queue.visibility_seconds, "{}", queue.logical);
        }
    }
}

#[test]
fn every_function_writes_to_a_log_group_of_its_own_that_forgets() {
    let stack = stack();
    let mut used = BTreeSet::new();
    for function in &stack.functions {
        let name = function.log_group.as_ref().unwrap_or_else(|| panic!("{}", function.logical));
        let group = stack.log_groups.iter().find(|group| group.name == *name).unwrap();
        assert!(group.retention_days.is_some(), "{}", group.logical);
        assert_eq!(group.name, format!("/aws/lambda/{}", function.name));
        assert!(used.insert(name), "{name} has two writers");
    }
    assert_eq!(used.len(), stack.log_groups.len());
}

#[test]
fn who_counts_on_its_tick_knows_it() {
    let stack = stack();
    for name in ["PollDispatcherFunction", "ResourceSyncFunction"] {
        let function = stack.function(name).unwrap();
        assert_eq!(function.schedules.len(), 1);
        assert_eq!(function.environment["TICK_SECONDS"], function.schedules[0].every_seconds.to_string());
    }
}

#[test]
fn every_function_has_a_folder_and_a_target_in_the_makefile() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    for function in &stack().functions {
        let rule = format!("build-{}: BINARY := {}\n", function.logical, function.binary());
        assert!(makefile.contains(&rule), "Makefile lacks {rule}");
        assert!(root().join("functions").join(function.binary()).join("Cargo.toml").exists());
    }
}

#[test]
fn every_variable_is_in_its_functions_readme_and_nothing_else_is() {
    for function in &stack().functions {
        let path = root().join("functions").join(function.binary()).join("README.md");
        let readme =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let described: BTreeSet<String> = readme.lines().flat_map(variables).map(str::to_owned).collect();
        let given: BTreeSet<String> = function.environment.keys().cloned().collect();
        assert_eq!(described, given, "{}", path.display());
    }
}

/// The names in the first cell of a table row: ``| `NAME`, `OTHER` | … |``.
fn variables(line: &str) -> impl Iterator<Item = &str> {
    let cell = line.strip_prefix("| `").and_then(|row| row.split(" | ").next()).unwrap_or_default();
    let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    cell.split(['`', ',', ' ']).filter(is_name)
}

#[test]
fn no_secret_is_handed_over_in_a_variable() {
    let template = template();
    let stack = stack();
    for function in &stack.functions {
        for (name, value) in &function.environment {
            for word in ["SECRET", "PASSWORD", "TOKEN", "CREDENTIAL"] {
                assert!(!name.contains(word), "{}: {name}", function.logical);
            }
            assert!(!value.contains("{{resolve:"), "{}: {name}", function.logical);
        }
    }
    for (name, parameter) in template.document()["Parameters"].as_object().unwrap() {
        assert_ne!(parameter["NoEcho"], true, "{name}: a parameter that must be hidden is a secret");
    }
}

// ---- tables

#[test]
fn every_table_is_on_demand_restorable_and_survives_the_stack() {
    let stack = stack();
    assert_eq!(stack.tables.len(), 4);
    for table in &stack.tables {
        assert!(table.on_demand && table.point_in_time_recovery && table.retained, "{}", table.logical);
        for key in std::iter::once(&table.partition_key).chain(&table.sort_key) {
            assert_eq!(table.key_types[key], "S", "{}: {key}", table.logical);
        }
    }
}

#[test]
fn keys_streams_and_expiry_are_those_of_the_contract() {
    let stack = stack();
    let images = Some("NEW_AND_OLD_IMAGES");
    let expected = [
        ("RoomsTable", "tenantId", Some("roomId"), images, None),
        ("BookingsTable", "roomKey", Some("bookingId"), images, Some("expiresAt")),
        ("SyncStateTable", "pk", Some("sk"), None, Some("expiresAt")),
        ("TenantsTable", "tenantId", None, None, None),
    ];
    for (logical, partition, sort, stream, ttl) in expected {
        let table = stack.table(logical).unwrap();
        let found = (
            table.partition_key.as_str(),
            table.sort_key.as_deref(),
            table.stream.as_deref(),
            table.ttl.as_deref(),
        );
        assert_eq!(found, (partition, sort, stream, ttl), "{logical}");
    }
}

#[test]
fn bookings_can_be_read_by_time_strongly_consistent() {
    let index = LocalIndex {
        name: "byStart".into(),
        partition_key: "roomKey".into(),
        sort_key: Some("startUtc".into()),
        projection: "ALL".into(),
    };
    assert_eq!(stack().table("BookingsTable").unwrap().local_indexes, [index]);
}

#[test]
fn a_key_of_ones_own_encrypts_every_table_and_every_role_may_use_it() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/own";
    let stack = template().stack(&names().parameter("TableKeyArn", key)).unwrap();
    for (logical, table) in stack.of_type("AWS::DynamoDB::Table") {
        assert_eq!(table["SSESpecification"]["KMSMasterKeyId"], key, "{logical}");
    }
    for role in &stack.roles {
        let reads = allowed(role).keys().any(|arn| arn.contains(":dynamodb:"));
        assert_eq!(allowed(role).contains_key(key), reads, "{}", role.logical);
    }
}

// ---- roles

/// ARN → actions that are allowed on it.
fn allowed(role: &Role) -> BTreeMap<String, BTreeSet<String>> {
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in role.statements.iter().filter(|statement| statement.effect == "Allow") {
        for resource in &statement.resources {
            allowed.entry(resource.clone()).or_default().extend(statement.actions.iter().cloned());
        }
    }
    allowed
}

fn role<'a>(stack: &'a Stack, function: &Function) -> &'a Role {
    stack.role_of(function).unwrap_or_else(|| panic!("{} has no role in the template", function.logical))
}

/// The whole of what each function may do. Whoever changes a policy changes this table, and says why in the commit.
fn allow_list(function: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let receive = vec!["ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility"];
    let receive_and_send = [receive.clone(), vec!["SendMessage"]].concat();
    let log = vec!["CreateLogStream", "PutLogEvents"];
    match function {
        "ResourceSyncFunction" => vec![
            ("dynamodb table/roomsync-TenantsTable", vec!["GetItem", "Scan"]),
            ("dynamodb table/roomsync-RoomsTable", vec!["Query", "GetItem", "PutItem"]),
            ("dynamodb table/roomsync-SyncStateTable", vec!["GetItem", "PutItem"]),
            ("sqs roomsync-tenants.fifo", receive_and_send),
            ("sqs roomsync-tenants-dead-letter.fifo", vec!["SendMessage"]),
            ("sqs roomsync-poll.fifo", vec!["SendMessage"]),
            ("sqs roomsync-lifecycle.fifo", vec!["SendMessage"]),
            ("secretsmanager secret:roomsync/*", vec!["GetSecretValue"]),
            ("logs log-group:/aws/lambda/roomsync-resource-sync:*", log),
        ],
        "PollDispatcherFunction" => vec![
            ("dynamodb table/roomsync-TenantsTable", vec!["Scan"]),
            ("dynamodb table/roomsync-RoomsTable", vec!["Query"]),
            ("sqs roomsync-poll.fifo", vec!["SendMessage"]),
            ("logs log-group:/aws/lambda/roomsync-poll-dispatcher:*", log),
        ],
        "DeltaPollerFunction" => vec![
            ("dynamodb table/roomsync-TenantsTable", vec!["GetItem"]),
            ("dynamodb table/roomsync-RoomsTable", vec!["GetItem"]),
            ("dynamodb table/roomsync-BookingsTable/index/byStart", vec!["Query"]),
            (
                "dynamodb table/roomsync-BookingsTable",
                vec!["GetItem", "BatchGetItem", "PutItem", "UpdateItem", "ConditionCheckItem"],
            ),
            (
                "dynamodb table/roomsync-SyncStateTable",
                vec!["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem"],
            ),
            ("sqs roomsync-poll.fifo", receive),
            ("sqs roomsync-poll-dead-letter.fifo", vec!["SendMessage"]),
            ("secretsmanager secret:roomsync/*", vec!["GetSecretValue"]),
            ("logs log-group:/aws/lambda/roomsync-delta-poller:*", log),
        ],
        "WebhookReceiverFunction" => vec![
            ("sqs roomsync-poll.fifo", vec!["SendMessage"]),
            ("sqs roomsync-lifecycle.fifo", vec!["SendMessage"]),
            ("secretsmanager secret:roomsync/notification-key-000000", vec!["GetSecretValue"]),
            ("logs log-group:/aws/lambda/roomsync-webhook-receiver:*", log),
        ],
        "SubscriptionKeeperFunction" => vec![
            ("dynamodb table/roomsync-TenantsTable", vec!["GetItem", "Scan"]),
            ("dynamodb table/roomsync-RoomsTable", vec!["GetItem", "Query"]),
            (
                "dynamodb table/roomsync-SyncStateTable",
                vec!["GetItem", "PutItem", "UpdateItem", "ConditionCheckItem"],
            ),
            ("sqs roomsync-lifecycle.fifo", receive_and_send),
            ("sqs roomsync-lifecycle-dead-letter.fifo", vec!["SendMessage"]),
            ("sqs roomsync-poll.fifo", vec!["SendMessage"]),
            ("secretsmanager secret:roomsync/*", vec!["GetSecretValue"]),
            ("logs log-group:/aws/lambda/roomsync-subscription-keeper:*", log),
        ],
        "BookingWriterFunction" => vec![
            ("dynamodb table/roomsync-TenantsTable", vec!["GetItem"]),
            ("dynamodb table/roomsync-RoomsTable", vec!["GetItem", "Query"]),
            ("dynamodb table/roomsync-BookingsTable", vec!["GetItem", "PutItem"]),
            ("dynamodb table/roomsync-SyncStateTable", vec!["GetItem", "Query", "PutItem", "DeleteItem"]),
            ("sqs roomsync-booking-commands.fifo", receive),
            ("sqs roomsync-booking-commands-dead-letter.fifo", vec!["SendMessage"]),
            ("sqs roomsync-poll.fifo", vec!["SendMessage"]),
            ("secretsmanager secret:roomsync/*", vec!["GetSecretValue"]),
            ("logs log-group:/aws/lambda/roomsync-booking-writer:*", log),
        ],
        other => panic!("{other} is not in the allow-list"),
    }
}

#[test]
fn every_function_may_do_what_its_allow_list_says_and_nothing_more() {
    let stack = stack();
    for function in &stack.functions {
        let expected: BTreeMap<String, BTreeSet<String>> = allow_list(&function.logical)
            .into_iter()
            .map(|(resource, actions)| {
                let (service, rest) = resource.split_once(' ').unwrap();
                let arn = format!("arn:aws:{service}:eu-west-1:123456789012:{rest}");
                (arn, actions.iter().map(|action| format!("{service}:{action}")).collect())
            })
            .collect();
        assert_eq!(allowed(role(&stack, function)), expected, "{}", function.logical);
    }
}

#[test]
fn every_function_has_a_role_of_its_own_and_no_managed_policy() {
    let stack = stack();
    let roles: BTreeSet<&str> = stack.functions.iter().map(|function| function.role_arn.as_str()).collect();
    assert_eq!(roles.len(), stack.functions.len());
    assert_eq!(stack.roles.len(), stack.functions.len());
    for function in &stack.functions {
        assert_eq!(role(&stack, function).managed_policies, Vec::<String>::new(), "{}", function.logical);
    }
}

#[test]
fn nobody_may_do_everything_or_touch_everything() {
    for role in &stack().roles {
        for (resource, actions) in allowed(role) {
            assert!(!actions.iter().any(|action| action.contains('*')), "{}: {actions:?}", role.logical);
            // Log streams and the secrets below one prefix are the only families of resources.
            let exact = resource
                .strip_suffix('*')
                .filter(|rest| rest.ends_with("secret:roomsync/") || rest.contains(":log-group:/"));
            assert!(!exact.unwrap_or(&resource).contains('*'), "{}: {resource}", role.logical);
        }
    }
}

#[test]
fn nobody_changes_tables_queues_or_secrets_and_only_the_writer_deletes_items_and_none_that_readers_see() {
    let forbidden = set(["dynamodb:DeleteTable", "sqs:PurgeQueue", "secretsmanager:PutSecretValue"]);
    let deletes = "dynamodb:DeleteItem";
    for role in &stack().roles {
        for (resource, actions) in allowed(role) {
            assert!(actions.is_disjoint(&forbidden), "{}: {actions:?}", role.logical);
            let may = role.logical == "BookingWriterRole" && resource.ends_with("roomsync-SyncStateTable");
            assert!(may || !actions.contains(deletes), "{}: {resource}", role.logical);
        }
    }
}

// ---- webhook

#[test]
fn the_webhook_answers_two_paths_within_a_limit_and_nothing_else() {
    let stack = stack();
    let [api] = stack.http_apis.as_slice() else { panic!("{:?}", stack.http_apis) };
    assert_eq!((api.rate_limit, api.burst_limit), (Some(50), Some(100)));
    let routes: BTreeSet<_> = (stack.functions.iter())
        .flat_map(|function| function.routes.iter().map(move |route| (function, route)))
        .map(|(function, route)| {
            assert_eq!(route.api.as_deref(), Some(api.id.as_str()));
            assert_eq!(route.payload_format, "2.0");
            format!("{} {} {}", function.logical, route.method, route.path)
        })
        .collect();
    let any = |path: &str| format!("WebhookReceiverFunction ANY {path}");
    assert_eq!(routes, BTreeSet::from([any("/lifecycle"), any("/notifications")]));
}

#[test]
fn a_flood_of_requests_cannot_use_up_the_account() {
    let stack = stack();
    for function in stack.functions.iter().filter(|function| !function.routes.is_empty()) {
        assert_eq!(function.reserved_concurrency, Some(10), "{}", function.logical);
    }
}

#[test]
fn who_subscribes_and_who_is_called_agree_on_addresses_and_key() {
    let stack = stack();
    let keeper = &stack.function("SubscriptionKeeperFunction").unwrap().environment;
    let receiver = stack.function("WebhookReceiverFunction").unwrap();
    let host = "https://roomsync-webhookapi.execute-api.eu-west-1.amazonaws.com";
    assert_eq!(keeper["NOTIFICATION_URL"], format!("{host}/notifications"));
    assert_eq!(keeper["LIFECYCLE_URL"], format!("{host}/lifecycle"));
    for variable in ["NOTIFICATION_URL", "LIFECYCLE_URL"] {
        let path = keeper[variable].strip_prefix(host).unwrap();
        assert!(receiver.routes.iter().any(|route| route.path == path), "{path}");
    }
    assert_eq!(keeper["NOTIFICATION_KEY"], receiver.environment["NOTIFICATION_KEY"]);
    let [key] = stack.secrets.as_slice() else { panic!("{:?}", stack.secrets) };
    assert_eq!(key.name, keeper["NOTIFICATION_KEY"]);
    assert!(key.generated_characters >= Some(64), "{:?}", key.generated_characters);
}

// ---- alarms

#[test]
fn dead_letters_errors_and_the_guard_raise_alarms_that_reach_the_topic() {
    let topic = "arn:aws:sns:eu-west-1:123456789012:oncall";
    let stack = template().stack(&names().parameter("AlarmTopicArn", topic)).unwrap();
    let mut watched = BTreeSet::new();
    for (logical, alarm) in stack.of_type("AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["AlarmActions"][0], topic, "{logical}");
        let what = alarm["Dimensions"][0]["Value"].as_str().unwrap_or("all");
        watched.insert(format!("{} {what}", alarm["MetricName"].as_str().unwrap()));
    }
    let mut expected = set([
        "GuardStopped all",
        "ExpiringCredentials all",
        "ApproximateAgeOfOldestMessage roomsync-poll.fifo",
        "NoticesRejected all",
        "Throttles roomsync-webhook-receiver",
        "4xx roomsync-WebhookApi",
        "5xx roomsync-WebhookApi",
    ]);
    let dead = stack.queues.iter().filter(|queue| queue.logical.contains("DeadLetter"));
    expected.extend(dead.map(|queue| format!("ApproximateNumberOfMessagesVisible {}", queue.name)));
    expected.extend(stack.functions.iter().map(|function| format!("Errors {}", function.name)));
    assert_eq!(watched, expected);
}
