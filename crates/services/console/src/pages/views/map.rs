//! The map: the grid of 10 × 10 cells with the couriers, and the same as a table.

use askama::Template;

use super::layout::{Layout, Problem};
use crate::pages::drawing::{self, CELL, cell_middle};

#[derive(Clone, Debug)]
pub struct CourierView {
    pub name: String,
    pub speed: i32,
    pub x: i32,
    pub y: i32,
    pub steps_left: i32,
    /// True if the courier carries an order of the visitor.
    pub is_own: bool,
    /// The order that the courier carries. Only the order's owner and operators see it.
    pub order_uuid: Option<String>,
    /// The cell to which the courier is going, if the visitor may know it.
    pub destination: Option<(i32, i32)>,
    /// True if the courier carries an order of any user.
    pub is_busy: bool,
    /// The time until the arrival in words, such as `in 4 s`.
    pub arrival: Option<String>,
}

/// A courier in the drawing. Couriers in one cell are drawn side by side.
#[derive(Clone, Debug)]
pub struct CourierMark {
    pub x: i32,
    pub y: i32,
    pub letter: String,
    pub label: String,
    pub class: &'static str,
}

/// The destination of a courier with an order of the visitor, and the way there: first along x, then along y.
#[derive(Clone, Debug)]
pub struct Way {
    pub path: String,
    pub x: i32,
    pub y: i32,
}

/// The fragment that the page's script replaces.
#[derive(Template)]
#[template(path = "grid.html")]
pub struct Grid {
    pub couriers: Vec<CourierView>,
    pub problem: Option<Problem>,
}

impl Grid {
    pub fn marks(&self) -> Vec<CourierMark> {
        let mut marks: Vec<_> = self.couriers.iter().enumerate().map(|(place, one)| self.mark(place, one)).collect();
        // The couriers with own orders are drawn last, so that they are on top.
        marks.sort_by_key(|mark| mark.class == "own");
        marks
    }

    fn mark(&self, place: usize, courier: &CourierView) -> CourierMark {
        let here = |other: &&CourierView| (other.x, other.y) == (courier.x, courier.y);
        let all = self.couriers.iter().filter(here).count();
        let before = self.couriers[..place].iter().filter(here).count();
        let (x, y) = cell_middle(courier.x, courier.y);
        let aside = |number: usize| i32::try_from(number).unwrap_or_default() * CELL / 3;
        CourierMark {
            x: x + aside(before.min(2)) - aside(all.min(3) - 1) / 2,
            y,
            letter: courier.name.chars().next().map(String::from).unwrap_or_default(),
            label: format!("{} at ({}, {})", courier.name, courier.x, courier.y),
            class: match (courier.is_own, courier.is_busy) {
                (true, _) => "own",
                (false, true) => "busy",
                (false, false) => "free",
            },
        }
    }

    pub fn ways(&self) -> Vec<Way> {
        let own = self.couriers.iter().filter(|courier| courier.is_own);
        own.filter_map(|courier| {
            let (to_x, to_y) = courier.destination?;
            let (x, y) = cell_middle(courier.x, courier.y);
            let (end_x, end_y) = cell_middle(to_x, to_y);
            Some(Way { path: format!("M{x} {y}H{end_x}V{end_y}"), x: end_x, y: end_y })
        })
        .collect()
    }

    pub fn has_own(&self) -> bool {
        self.couriers.iter().any(|courier| courier.is_own)
    }
}

#[derive(Template)]
#[template(path = "map.html")]
pub struct Map {
    pub layout: Layout,
    pub grid: Grid,
}
