use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};

/// The region everything pretends to be in.
pub(crate) const REGION: &str = "eu-west-1";
/// The account of the emulator's default credentials.
pub(crate) const ACCOUNT: &str = "000000000000";
/// Both halves of the credentials that the emulator accepts.
pub(crate) const KEY: &str = "test";

/// Clients of the emulated services.
#[derive(Debug, Clone)]
pub struct Aws {
    /// What the clients were made from, for whoever needs others.
    pub config: SdkConfig,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
}

impl Aws {
    /// Clients for an emulator at this address. The caller's own AWS settings play no part.
    #[must_use]
    pub fn at(endpoint: &str) -> Self {
        let credentials = Credentials::new(KEY, KEY, None, None, "local");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            config,
        }
    }
}
