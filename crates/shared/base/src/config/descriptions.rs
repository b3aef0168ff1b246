//! Selects the API descriptions that this process serves, by the variables `SWAGGER_UI` and `GRPC_REFLECTION`.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::config::{ConfigError, Settings};

/// Set only once, since all services of a process have the same variables.
static CHOSEN: OnceLock<Descriptions> = OnceLock::new();

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct Descriptions {
    #[serde(default = "yes")]
    pub swagger_ui: bool,
    #[serde(default = "yes")]
    pub grpc_reflection: bool,
}

fn yes() -> bool {
    true
}

impl Descriptions {
    /// Reads the variables, for the servers that this process builds afterwards.
    pub fn choose(settings: &Settings) -> Result<(), ConfigError> {
        let _ = CHOSEN.set(settings.read()?);
        Ok(())
    }

    /// Returns the choice made with [`choose`](Self::choose), or all descriptions if it was not called.
    pub fn of_this_process() -> Self {
        CHOSEN.get().copied().unwrap_or(Self { swagger_ui: true, grpc_reflection: true })
    }
}
