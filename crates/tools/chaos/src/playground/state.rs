//! What the playground does and did, for the panel and for the console's timeline.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use console::client::Incident;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::choices::{CHOICES, Choice};
use crate::experiment::Cause;

/// A choice in the panel.
#[derive(Clone, Debug, Serialize)]
pub struct Offer {
    pub name: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    /// Why the fault cannot be injected here.
    pub cannot: Option<String>,
}

/// The playground's state at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    pub choices: Vec<Offer>,
    /// The name of the fault that is under way.
    pub chosen: Option<&'static str>,
    /// A sentence about the fault that is under way, or about the last one.
    pub status: String,
    pub incidents: Vec<Incident>,
}

/// Why a fault cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Unknown,
    /// Another one is under way.
    UnderWay,
}

/// Chooses faults, and reads the playground's state. Clones share the playground.
#[derive(Clone)]
pub struct Handle {
    offers: Arc<[Offer]>,
    choose: mpsc::Sender<&'static Choice>,
    /// The cause of the fault that is under way.
    cause: watch::Receiver<Cause>,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    chosen: Option<&'static Choice>,
    /// About the last fault.
    status: String,
    faults: Vec<Incident>,
    retries: Vec<Incident>,
}

impl Handle {
    /// `disk` is the reason why no disk can be filled. The receiver gets what visitors choose.
    pub(super) fn new(disk: Option<&str>, cause: watch::Receiver<Cause>) -> (Self, mpsc::Receiver<&'static Choice>) {
        let offer = |choice: &'static Choice| Offer {
            name: choice.fault,
            title: choice.title,
            about: choice.about,
            cannot: disk.filter(|_| choice.fault == "disk-full").map(str::to_owned),
        };
        let (choose, chosen) = mpsc::channel(1);
        let shared = Shared {
            chosen: None,
            status: "Choose a fault, then pay.".to_owned(),
            faults: Vec::new(),
            retries: Vec::new(),
        };
        let offers = CHOICES.iter().map(offer).collect();
        (Self { offers, choose, cause, shared: Arc::new(Mutex::new(shared)) }, chosen)
    }

    /// Chooses a fault by the name of its row.
    pub fn choose(&self, name: &str) -> Result<(), Refusal> {
        let choice = CHOICES.iter().find(|choice| choice.fault == name).ok_or(Refusal::Unknown)?;
        let mut shared = self.shared();
        if shared.chosen.is_some() {
            return Err(Refusal::UnderWay);
        }
        shared.chosen = Some(choice);
        // It has room, since one fault is chosen at a time. Without a receiver the playground is stopping.
        let _ = self.choose.try_send(choice);
        Ok(())
    }

    pub fn state(&self) -> State {
        let (cause, shared) = (*self.cause.borrow(), self.shared());
        let present = shared.chosen.and_then(|choice| incident(choice, cause));
        State {
            choices: self.offers.to_vec(),
            chosen: shared.chosen.map(|choice| choice.fault),
            status: shared.chosen.map_or_else(|| shared.status.clone(), |choice| status(choice, cause)),
            incidents: shared.faults.iter().chain(&shared.retries).cloned().chain(present).collect(),
        }
    }

    /// Records the end of a fault. `outcome` is what is known of it, in sentences.
    pub(super) fn end(&self, choice: &'static Choice, outcome: &str) {
        let (cause, mut shared) = (*self.cause.borrow(), self.shared());
        shared.chosen = None;
        format!("{}: over. {outcome}", choice.title).trim_end().clone_into(&mut shared.status);
        shared.faults.extend(incident(choice, cause));
    }

    pub(super) fn retried(&self, retries: Vec<Incident>) {
        self.shared().retries = retries;
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the fault as an incident, once its cause has begun.
fn incident(choice: &Choice, cause: Cause) -> Option<Incident> {
    let ended = cause.removed.map(|(at, _)| at);
    Some(Incident { text: choice.title.to_owned(), begun: cause.begun?, ended, order: None, is_fault: true })
}

fn status(choice: &Choice, cause: Cause) -> String {
    let what = match cause {
        Cause { begun: None, .. } => "waits for your order. Pay it.",
        Cause { removed: None, .. } => "under way.",
        Cause { .. } => "its cause is gone, the shop recovers.",
    };
    format!("{}: {what}", choice.title)
}
