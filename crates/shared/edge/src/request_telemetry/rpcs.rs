//! The paths of a server's RPCs, the closed set of labels of its metrics.

use std::{collections::HashSet, sync::Arc};

use anyhow::Context as _;
use prost::Message as _;
use prost_types::FileDescriptorSet;

/// The paths of RPCs, such as `/auth.v1.AuthService/Login`.
#[derive(Clone)]
pub struct Rpcs(Arc<HashSet<Arc<str>>>);

impl Rpcs {
    /// Lists every RPC of `services`, each of which the encoded `descriptors` must describe.
    pub fn new(services: &[&str], descriptors: &[&[u8]]) -> anyhow::Result<Self> {
        let mut paths = HashSet::new();
        for encoded in descriptors {
            for file in FileDescriptorSet::decode(*encoded).context("decoding the descriptors")?.file {
                for service in &file.service {
                    let name = format!("{}.{}", file.package(), service.name());
                    if services.contains(&name.as_str()) {
                        paths.extend(service.method.iter().map(|method| format!("/{name}/{}", method.name()).into()));
                    }
                }
            }
        }
        Ok(Self(Arc::new(paths)))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter()
    }

    pub fn find(&self, path: &str) -> Option<Arc<str>> {
        self.0.get(path).cloned()
    }
}
