//! `GET /console/map` and its fragment, and `GET /console/operator/couriers`: the grid of 10 × 10 cells with the
//! couriers, and the same as a table. Cells are counted from 1, y upwards.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use contracts::ids::OrderId;

use super::{
    format::Span,
    frame::{Layout, layout, page},
    refusal::{self, Refusal},
};
use crate::{
    api::{Api, Visit, of_error},
    service::Visible,
};

/// The time of a step, in milliseconds.
const STEP_MS: i64 = 1_000;
const CELLS: i32 = 10;

struct CourierView {
    visible: Visible,
    /// The cell to which the courier is going, if the visitor may know it.
    destination: Option<(i32, i32)>,
}

/// A courier in the drawing. Couriers in one cell are drawn side by side.
struct CourierMark {
    x: i32,
    y: i32,
    letter: String,
    label: String,
    class: &'static str,
}

/// The destination of a courier with an order of the visitor, and the way there: first along x, then along y.
struct Way {
    path: String,
    x: i32,
    y: i32,
}

/// The fragment that the page's script replaces.
#[derive(Template)]
#[template(path = "grid.html")]
struct Grid {
    couriers: Vec<CourierView>,
    problem: Option<Refusal>,
}

#[derive(Template)]
#[template(path = "map.html")]
struct Map {
    layout: Layout,
    grid: Grid,
}

#[derive(Template)]
#[template(path = "operator-couriers.html")]
struct Couriers {
    layout: Layout,
    couriers: Vec<CourierView>,
    problem: Option<Refusal>,
}

pub async fn show(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, grid) = tokio::join!(layout(&api, &visit, "map"), read(&api, &visit));
    page(StatusCode::OK, &Map { layout, grid })
}

pub async fn grid(State(api): State<Api>, visit: Visit) -> Response {
    page(StatusCode::OK, &read(&api, &visit).await)
}

pub async fn operator(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, grid) = tokio::join!(layout(&api, &visit, "operator"), read(&api, &visit));
    page(StatusCode::OK, &Couriers { layout, couriers: grid.couriers, problem: grid.problem })
}

/// Returns the couriers as the visitor may see them.
async fn read(api: &Api, visit: &Visit) -> Grid {
    let mut couriers = Vec::new();
    match api.couriers.list(&visit.caller()).await {
        Ok(all) => {
            for visible in all {
                let destination = match visible.own_order {
                    Some(order) => destination(api, visit, order).await,
                    None => None,
                };
                couriers.push(CourierView { visible, destination });
            }
            Grid { couriers, problem: None }
        }
        Err(error) => Grid { couriers, problem: Some(refusal::shown(&of_error(error))) },
    }
}

/// Returns the cell to which an order of the visitor goes.
async fn destination(api: &Api, visit: &Visit, order: OrderId) -> Option<(i32, i32)> {
    if let Some(cell) = api.couriers.destination(order) {
        return Some(cell);
    }
    let response = api.orders.get(&visit.session, &format!("/api/v1/orders/{order}")).await.ok()?.json();
    api.couriers.find_destination(order, response["delivery_address"].as_str()?).await
}

impl CourierView {
    fn cell(&self) -> (i32, i32) {
        self.visible.courier.location.as_ref().map_or((0, 0), |cell| (cell.x, cell.y))
    }

    fn is_own(&self) -> bool {
        self.visible.own_order.is_some()
    }

    /// Returns the time until the arrival in words, such as `in 4 s`.
    fn arrival(&self) -> Option<String> {
        let steps = self.visible.courier.steps_left;
        (steps > 0).then(|| format!("in {}", Span(i64::from(steps) * STEP_MS)))
    }
}

impl Couriers {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "couriers";
}

impl Grid {
    const CELL: i32 = 40;
    /// The side of the drawing: the cells, and the coordinates at the left and below.
    const SIDE: i32 = Self::CELL * (CELLS + 1);

    /// Returns the upper left corners of all cells.
    fn cells() -> Vec<(i32, i32)> {
        let corner = |column, row| (Self::CELL * column, Self::CELL * (CELLS - row));
        (1..=CELLS).flat_map(|row| (1..=CELLS).map(move |column| corner(column, row))).collect()
    }

    /// Returns the numbers beside the grid: of the row, and of the column below.
    fn numbers() -> Vec<(i32, i32, i32)> {
        let row = |number| (number, Self::CELL / 2, Self::middle((1, number)).1);
        let column = |number| (number, Self::middle((number, 1)).0, Self::SIDE - Self::CELL / 2);
        (1..=CELLS).flat_map(|number| [row(number), column(number)]).collect()
    }

    /// Returns the middle of a cell.
    fn middle((column, row): (i32, i32)) -> (i32, i32) {
        (Self::CELL * column + Self::CELL / 2, Self::CELL * (CELLS - row) + Self::CELL / 2)
    }

    fn marks(&self) -> Vec<CourierMark> {
        let mut marks: Vec<_> = self.couriers.iter().enumerate().map(|(place, one)| self.mark(place, one)).collect();
        // The couriers with own orders are drawn last, so that they are on top.
        marks.sort_by_key(|mark| mark.class == "own");
        marks
    }

    fn mark(&self, place: usize, courier: &CourierView) -> CourierMark {
        let here = |other: &&CourierView| other.cell() == courier.cell();
        let all = self.couriers.iter().filter(here).count();
        let before = self.couriers[..place].iter().filter(here).count();
        let (x, y) = Self::middle(courier.cell());
        let aside = |number: usize| i32::try_from(number).unwrap_or_default() * Self::CELL / 3;
        let name = &courier.visible.courier.name;
        CourierMark {
            x: x + aside(before.min(2)) - aside(all.min(3) - 1) / 2,
            y,
            letter: name.chars().next().map(String::from).unwrap_or_default(),
            label: format!("{name} at {:?}", courier.cell()),
            class: match (courier.is_own(), courier.visible.is_busy) {
                (true, _) => "own",
                (false, true) => "busy",
                (false, false) => "free",
            },
        }
    }

    fn ways(&self) -> Vec<Way> {
        let own = self.couriers.iter().filter(|courier| courier.is_own());
        own.filter_map(|courier| {
            let ((x, y), (end_x, end_y)) = (Self::middle(courier.cell()), Self::middle(courier.destination?));
            Some(Way { path: format!("M{x} {y}H{end_x}V{end_y}"), x: end_x, y: end_y })
        })
        .collect()
    }

    fn has_own(&self) -> bool {
        self.couriers.iter().any(CourierView::is_own)
    }
}
