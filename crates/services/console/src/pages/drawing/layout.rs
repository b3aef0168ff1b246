//! The layout: computes coordinates from steps, in one pass in the order of time. Nothing is placed over a label.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{
    axis::{Axis, Pause},
    lanes::{HEIGHT, Lane, TOP, lanes},
};
use crate::{client::Incident, model::Step, pages::format::Span};

const PER_REM: f64 = 16.0;
const LEFT: i32 = 28;
const RIGHT: i32 = 40;
/// The minimum distance from an event to the ends of its arrows.
const MIN_DISTANCE: i32 = 34;
const CORNER: i32 = 8;
/// Half the size of a mark, and the distance from its middle to its label.
const RADIUS: i32 = 10;
const TO_LABEL: i32 = 15;
const BETWEEN_LABELS: i32 = 10;
/// The average width of a character of a label, rounded up.
const CHARACTER: i32 = 9;
const SMALL_CHARACTER: i32 = 7;
const MIN_WIDTH: i32 = 640;
const MIN_BAND_WIDTH: i32 = 8;

/// A step in the drawing.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The step's place in the list, from 1.
    pub number: usize,
    pub x: i32,
    pub y: i32,
    pub label: String,
    /// A second, smaller line.
    pub small: String,
    pub class: &'static str,
    pub is_event: bool,
    pub is_repeat: bool,
}

impl Mark {
    pub fn label_x(&self) -> i32 {
        self.x + TO_LABEL
    }

    /// The corner of the square that stands for a state.
    pub fn left(&self) -> i32 {
        self.x - RADIUS + 1
    }

    pub fn top(&self) -> i32 {
        self.y - RADIUS + 1
    }

    /// The x at which the label ends.
    pub fn end(&self) -> i32 {
        let widest = width(&self.label, CHARACTER).max(width(&self.small, SMALL_CHARACTER));
        self.label_x() + widest + BETWEEN_LABELS
    }
}

/// An arrow from an event to a service that reads it.
#[derive(Clone, Debug)]
pub struct Arrow {
    pub path: String,
    /// The points of the head.
    pub head: String,
    pub class: &'static str,
    pub is_repeat: bool,
}

/// An incident, from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Band {
    pub x: i32,
    pub width: i32,
    pub label: String,
    pub is_fault: bool,
}

impl Band {
    fn new(incident: &Incident, x: i32) -> Self {
        Self { x, width: MIN_BAND_WIDTH, label: incident.text.clone(), is_fault: incident.is_fault }
    }

    pub fn label_x(&self) -> i32 {
        self.x + BETWEEN_LABELS / 2
    }

    /// The x at which the label ends.
    pub fn end(&self) -> i32 {
        self.label_x() + width(&self.label, CHARACTER) + BETWEEN_LABELS
    }
}

#[derive(Clone, Debug, Default)]
pub struct Drawing {
    pub width: i32,
    pub height: i32,
    pub lanes: Vec<Lane>,
    pub marks: Vec<Mark>,
    pub arrows: Vec<Arrow>,
    pub pauses: Vec<Pause>,
    pub bands: Vec<Band>,
    /// The times above the lanes: x, and the time since the first step.
    pub ticks: Vec<(i32, Span)>,
}

/// A kind of drawn point in time. Of two moments at the same time, the earlier variant is placed first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// An incident begins.
    Began,
    Happened,
    Arrived,
    /// An incident ends.
    Ended,
}

impl Drawing {
    pub fn width_rem(&self) -> String {
        rem(self.width)
    }

    pub fn height_rem(&self) -> String {
        rem(self.height)
    }

    pub fn new(steps: &[Step], incidents: &[Incident]) -> Self {
        let lanes = lanes(steps);
        let mut placed: Vec<Option<Mark>> = vec![None; steps.len()];
        let mut bands: Vec<Option<Band>> = vec![None; incidents.len()];
        let mut after_bands = LEFT;
        let mut taken: HashMap<(&str, bool), i32> = HashMap::new();
        let mut axis = Axis::new(LEFT);
        let mut arrows = Vec::new();
        let mut ticks: Vec<(i32, Span)> = Vec::new();
        let mut end = LEFT;

        for (ms, moment, index) in moments(steps, incidents) {
            let pauses = axis.pauses.len();
            let label = match moment {
                Moment::Began => {
                    let band = Band::new(&incidents[index], axis.move_to(ms, after_bands, end));
                    after_bands = band.end();
                    bands[index] = Some(band);
                    after_bands
                }
                Moment::Ended => {
                    let x = axis.move_to(ms, LEFT, end);
                    if let Some(band) = &mut bands[index] {
                        band.width = MIN_BAND_WIDTH.max(x - band.x);
                    }
                    x
                }
                Moment::Happened | Moment::Arrived => {
                    let step = &steps[index];
                    if let (Moment::Arrived, Some(mark)) = (moment, &placed[index]) {
                        let x = axis.move_to(ms, mark.x + MIN_DISTANCE, end);
                        arrows.extend(readers(step, &lanes).map(|lane| arrow(step, mark, lane, x)));
                    } else {
                        let row = (step.service, step.is_event());
                        let x = axis.move_to(ms, taken.get(&row).copied().unwrap_or(LEFT), end);
                        let lane = lanes.iter().find(|lane| lane.service == step.service);
                        let mark = mark(step, index, x, lane);
                        taken.insert(row, mark.end());
                        placed[index] = Some(mark);
                    }
                    placed[index].as_ref().map_or(0, Mark::end)
                }
            };
            if ticks.is_empty() || axis.pauses.len() > pauses {
                ticks.push((axis.x, Span(ms)));
            }
            end = end.max(axis.x + RADIUS + 4).max(label);
        }
        let width = (end + RIGHT).max(MIN_WIDTH);
        for (band, incident) in bands.iter_mut().zip(incidents) {
            if let (Some(band), None) = (band, incident.ended) {
                band.width = width - band.x;
            }
        }

        Self {
            width,
            height: TOP + HEIGHT * i32::try_from(lanes.len()).unwrap_or(i32::MAX / HEIGHT - 1),
            lanes,
            marks: placed.into_iter().flatten().collect(),
            arrows,
            pauses: axis.pauses,
            bands: bands.into_iter().flatten().collect(),
            ticks,
        }
    }
}

/// Returns the time at which each step happened, the time at which each event that a service reads arrived, and the
/// times at which each incident began and ended.
fn moments(steps: &[Step], incidents: &[Incident]) -> Vec<(i64, Moment, usize)> {
    let Some(first) = steps.iter().map(|step| step.at).min() else { return Vec::new() };
    let mut moments = Vec::with_capacity(steps.len() * 2);
    let since = |at: DateTime<Utc>| (at - first).num_milliseconds().max(0);
    for (index, incident) in incidents.iter().enumerate() {
        moments.push((since(incident.begun), Moment::Began, index));
        moments.extend(incident.ended.map(|ended| (since(ended), Moment::Ended, index)));
    }
    for (index, step) in steps.iter().enumerate() {
        let happened = step.since(first);
        moments.push((happened, Moment::Happened, index));
        if let Some(detail) = step.detail.as_ref().filter(|_| !step.consumers().is_empty()) {
            let arrived = (detail.consumed_at - first).num_milliseconds();
            moments.push((arrived.max(happened), Moment::Arrived, index));
        }
    }
    moments.sort_unstable();
    moments
}

fn mark(step: &Step, index: usize, x: i32, lane: Option<&Lane>) -> Mark {
    let small = match (step.is_repeat, step.publication()) {
        (true, _) => "the same event again: no effect".to_owned(),
        (false, Some(span)) => format!("in Kafka after {span}"),
        (false, None) => String::new(),
    };
    Mark {
        number: index + 1,
        x,
        y: lane.map_or(TOP, |lane| lane.mark_y(step.is_event())),
        label: step.title(),
        small,
        class: step.class(),
        is_event: step.is_event(),
        is_repeat: step.is_repeat,
    }
}

fn readers<'a>(step: &'a Step, lanes: &'a [Lane]) -> impl Iterator<Item = &'a Lane> {
    let consumers = step.consumers();
    lanes.iter().filter(move |lane| consumers.contains(&lane.service) && lane.service != step.service)
}

/// Returns an arrow that goes down or up from the event, and then to the right along the reader's lane.
fn arrow(step: &Step, from: &Mark, to: &Lane, x: i32) -> Arrow {
    let corner = if to.y > from.y { CORNER } else { -CORNER };
    let (start, y) = (from.x, to.y);
    Arrow {
        path: format!("M{start} {} V{} Q{start} {y} {} {y} H{}", from.y, y - corner, start + CORNER, x - 4),
        head: format!("{},{} {x},{y} {},{}", x - 8, y - 4, x - 8, y + 4),
        class: step.class(),
        is_repeat: step.is_repeat,
    }
}

/// Converts a length to rem, so that a drawing scales with the text of the page.
fn rem(length: i32) -> String {
    format!("{:.3}", f64::from(length) / PER_REM)
}

fn width(text: &str, character: i32) -> i32 {
    i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 16).saturating_mul(character)
}
