//! An embedded DynamoDB with the tables of `template.yaml`, up for as long as one test runs.

mod answers;

pub(crate) use answers::Answers;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, LocalSecondaryIndex, Projection,
    ProjectionType, StreamSpecification,
};
use roomsync_store::{DynamoStore, TableNames};
use roomsync_template::{Names, Table, Template};
use std::path::Path;
use tokio::net::TcpListener;

/// Runs a test against a store of its own. `adjust` changes the client's settings.
pub(crate) async fn with_emulator<T>(
    adjust: impl FnOnce(aws_sdk_dynamodb::config::Builder) -> aws_sdk_dynamodb::config::Builder,
    test: impl AsyncFnOnce(DynamoStore, Client) -> T,
) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let database = dynoxide::Database::memory().expect("an empty database");
    let settings = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"));
    let client = Client::from_conf(adjust(settings).build());
    let work = async {
        let tables = create_tables(&client).await;
        test(DynamoStore::new(client.clone(), tables), client.clone()).await
    };
    tokio::select! {
        () = dynoxide::server::serve_on(listener, database) => panic!("the emulator stopped"),
        result = work => result,
    }
}

/// Creates every table of the template.
async fn create_tables(client: &Client) -> TableNames {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let names = Names::new("test", "eu-west-1", "000000000000", "http://127.0.0.1");
    let stack = Template::load(&path).expect("the template").stack(&names).expect("the stack");
    for table in &stack.tables {
        create(client, table).await;
    }
    let name = |logical: &str| stack.table(logical).expect(logical).name.clone();
    TableNames {
        tenants: name("TenantsTable"),
        rooms: name("RoomsTable"),
        bookings: name("BookingsTable"),
        sync_state: name("SyncStateTable"),
    }
}

async fn create(client: &Client, table: &Table) {
    let mut request = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys(&table.partition_key, table.sort_key.as_deref())));
    for (name, kind) in &table.key_types {
        let definition =
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind.as_str().into());
        request = request.attribute_definitions(definition.build().expect("an attribute"));
    }
    for index in &table.local_indexes {
        let projection =
            Projection::builder().projection_type(ProjectionType::from(index.projection.as_str()));
        let index = LocalSecondaryIndex::builder()
            .index_name(&index.name)
            .set_key_schema(Some(keys(&index.partition_key, index.sort_key.as_deref())))
            .projection(projection.build());
        request = request.local_secondary_indexes(index.build().expect("an index"));
    }
    if let Some(view) = &table.stream {
        let stream =
            StreamSpecification::builder().stream_enabled(true).stream_view_type(view.as_str().into());
        request = request.stream_specification(stream.build().expect("a stream"));
    }
    if let Err(error) = request.send().await {
        panic!("{}: {}", table.logical, DisplayErrorContext(error));
    }
}

fn keys(partition: &str, sort: Option<&str>) -> Vec<KeySchemaElement> {
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key")
    };
    let mut keys = vec![key(partition, KeyType::Hash)];
    keys.extend(sort.map(|name| key(name, KeyType::Range)));
    keys
}
