use std::path::{Path, PathBuf};

/// Where things are kept on this machine.
#[derive(Debug, Clone)]
pub struct Place {
    /// The checkout.
    pub checkout: PathBuf,
    /// `.local` in it: everything that is made while running.
    pub local: PathBuf,
    /// The emulator's installation, one per checkout.
    pub emulator: PathBuf,
}

impl Place {
    /// The checkout this program was built from, with its working folder in it or where `state` says.
    ///
    /// # Errors
    /// `state` is relative and there is no current directory.
    pub fn of_checkout(state: Option<&Path>) -> std::io::Result<Self> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
        let local = state.map_or_else(|| Ok(checkout.join(".local")), std::path::absolute)?;
        Ok(Self::new(checkout, &local))
    }

    /// A checkout with its working folder elsewhere, as tests want it.
    #[must_use]
    pub fn new(checkout: &Path, local: &Path) -> Self {
        Self {
            checkout: checkout.to_owned(),
            local: local.to_owned(),
            emulator: checkout.join(".local/emulator"),
        }
    }

    /// The file a function or the emulator logs to.
    #[must_use]
    pub fn log(&self, of: &str) -> PathBuf {
        self.local.join("logs").join(format!("{of}.log"))
    }
}

/// The ports that are used, all on the loopback interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// AWS emulator.
    pub aws: u16,
    /// Lambda Runtime API.
    pub runtime_api: u16,
    /// Microsoft Graph and login host.
    pub graph: u16,
    /// The board.
    pub board: u16,
    /// The webhook.
    pub webhook: u16,
}

impl Ports {
    /// Five ports in a row.
    #[must_use]
    pub fn from_base(base: u16) -> Self {
        Self { aws: base, runtime_api: base + 1, graph: base + 2, board: base + 3, webhook: base + 4 }
    }

    /// Each port with what it is for.
    #[must_use]
    pub fn all(self) -> [(u16, &'static str); 5] {
        [
            (self.aws, "the AWS emulator"),
            (self.runtime_api, "the Lambda Runtime API"),
            (self.graph, "Microsoft Graph"),
            (self.board, "the board"),
            (self.webhook, "the webhook"),
        ]
    }

    /// Where the HTTP API answers.
    #[must_use]
    pub fn webhook_url(self) -> String {
        format!("http://127.0.0.1:{}", self.webhook)
    }

    /// Where the AWS emulator answers.
    #[must_use]
    pub fn aws_url(self) -> String {
        format!("http://127.0.0.1:{}", self.aws)
    }
}
