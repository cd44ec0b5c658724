use std::collections::BTreeMap;

use serde_json::Value;

/// What things are called once the template is deployed. Everything is computed: nothing is looked up anywhere.
#[derive(Debug, Clone)]
pub struct Names {
    stack: String,
    region: String,
    account: String,
    queue_host: String,
    api_endpoint: Option<String>,
    parameters: BTreeMap<String, String>,
}

impl Names {
    /// Names under a stack name, region and account. `queue_host` is the first part of queue URLs, with its scheme and
    /// without a slash at the end, as in `https://sqs.eu-west-1.amazonaws.com`.
    #[must_use]
    pub fn new(stack: &str, region: &str, account: &str, queue_host: &str) -> Self {
        Self {
            stack: stack.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            queue_host: queue_host.to_owned(),
            api_endpoint: None,
            parameters: BTreeMap::new(),
        }
    }

    /// The same with a parameter set; parameters that are not set have the template's default.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with HTTP APIs reached at an address, with its scheme and without a slash at the end; otherwise they have one that
    /// looks like API Gateway's.
    #[must_use]
    pub fn api_endpoint(mut self, url: &str) -> Self {
        self.api_endpoint = Some(url.to_owned());
        self
    }

    pub(crate) fn value_of(&self, parameter: &str) -> Option<&str> {
        self.parameters.get(parameter).map(String::as_str)
    }

    pub(crate) fn pseudo(&self, name: &str) -> Option<&str> {
        match name {
            "AWS::StackName" => Some(&self.stack),
            "AWS::Region" => Some(&self.region),
            "AWS::AccountId" => Some(&self.account),
            "AWS::Partition" => Some("aws"),
            "AWS::URLSuffix" => Some("amazonaws.com"),
            _ => None,
        }
    }

    /// What `Ref` gives for a resource of this type. `own` is the value of its name property, if it has one.
    pub(crate) fn reference(&self, kind: &str, logical: &str, own: Option<&str>) -> String {
        let name = self.physical(logical, own);
        match kind {
            "AWS::SQS::Queue" => format!("{}/{}/{name}", self.queue_host, self.account),
            // Secrets Manager puts six characters of its own behind the name.
            "AWS::SecretsManager::Secret" => {
                format!("arn:aws:secretsmanager:{}:{}:secret:{name}-000000", self.region, self.account)
            }
            _ => name,
        }
    }

    /// What `GetAtt` gives; none for an attribute that is only known after a deployment.
    pub(crate) fn attribute(
        &self,
        kind: &str,
        logical: &str,
        own: Option<&str>,
        attribute: &str,
    ) -> Option<String> {
        let Self { region, account, .. } = self;
        let name = self.physical(logical, own);
        if (kind, attribute) == ("AWS::Serverless::HttpApi", "ApiEndpoint") {
            let made_up =
                || format!("https://{}.execute-api.{region}.amazonaws.com", name.to_ascii_lowercase());
            return Some(self.api_endpoint.clone().unwrap_or_else(made_up));
        }
        let arn = match kind {
            "AWS::DynamoDB::Table" => format!("arn:aws:dynamodb:{region}:{account}:table/{name}"),
            "AWS::SQS::Queue" => format!("arn:aws:sqs:{region}:{account}:{name}"),
            "AWS::Serverless::Function" => format!("arn:aws:lambda:{region}:{account}:function:{name}"),
            "AWS::IAM::Role" => format!("arn:aws:iam::{account}:role/{name}"),
            "AWS::Logs::LogGroup" => format!("arn:aws:logs:{region}:{account}:log-group:{name}:*"),
            _ => return None,
        };
        match (kind, attribute) {
            (_, "Arn") => Some(arn),
            ("AWS::SQS::Queue", "QueueName") => Some(name),
            _ => None,
        }
    }

    fn physical(&self, logical: &str, own: Option<&str>) -> String {
        own.map_or_else(|| format!("{}-{logical}", self.stack), str::to_owned)
    }
}

/// The property by which a resource of this type is given a name of its own.
pub(crate) fn name_property<'a>(kind: &str, properties: &'a Value) -> Option<&'a Value> {
    let key = match kind {
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::Serverless::Function" => "FunctionName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::SecretsManager::Secret" => "Name",
        _ => return None,
    };
    properties.get(key)
}
