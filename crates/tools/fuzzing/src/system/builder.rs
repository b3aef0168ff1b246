//! The system under construction: each service adds its APIs, its subscriptions and its rows' ids.

use std::sync::Arc;

use contracts::events::Subscription;
use platform::{
    auth::{MemorySessions, Rule},
    grpc::Services as Server,
};
use uuid::Uuid;

use super::{GrpcApi, SLOTS, guard};

pub struct Builder {
    pub sessions: Arc<MemorySessions>,
    pub grpc: Vec<GrpcApi>,
    pub subscriptions: Vec<Subscription>,
    pub uuids: Vec<Uuid>,
}

impl Builder {
    pub fn serve(&mut self, service: &'static str, rules: &'static [Rule], server: Server) {
        let router = server.router(guard(service, &self.sessions, rules), SLOTS).expect("every RPC has a rule");
        self.grpc.push(GrpcApi { service, rules, router });
    }
}
