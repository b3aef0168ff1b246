//! The lanes of a drawing: which services have one, and where.

use crate::pages::{step_view::StepView, words};

/// Room for the time above the first lane.
pub const TOP: i32 = 44;
pub const HEIGHT: i32 = 78;
/// A state is drawn this far above its lane's line, and an event as far below.
const ASIDE: i32 = 14;
/// The services of an ordinary order. They have a lane from the start, so that the drawing does not jump while it grows.
const USUAL: [&str; 6] = ["order", "payment", "inventory", "assembly", "delivery", "notification"];

#[derive(Clone, Debug)]
pub struct Lane {
    pub service: String,
    pub role: &'static str,
    /// The lane's line.
    pub y: i32,
}

impl Lane {
    /// The y of the lane's name.
    pub fn name_y(&self) -> i32 {
        self.y - 2
    }

    pub fn role_y(&self) -> i32 {
        self.y + 16
    }

    pub fn mark_y(&self, is_event: bool) -> i32 {
        if is_event { self.y + ASIDE } else { self.y - ASIDE }
    }
}

/// The usual services, then the others in the order of their first step.
pub fn lanes(steps: &[StepView]) -> Vec<Lane> {
    let mut names: Vec<&str> = USUAL.to_vec();
    for name in steps.iter().flat_map(|step| std::iter::once(&step.service).chain(&step.consumers)) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut y = TOP - HEIGHT / 2;
    names
        .into_iter()
        .map(|service| {
            y += HEIGHT;
            Lane { service: service.to_owned(), role: words::role(service), y }
        })
        .collect()
}
