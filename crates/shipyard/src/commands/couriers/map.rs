//! The 10 × 10 grid with couriers and addresses, as text.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The number of cells in each direction, counted from 1.
const SIZE: i32 = 10;
/// The maximum number of couriers, and of orders, that are listed below the map. The rest is only counted.
const MAX_LISTED: usize = 20;
/// The labels of the first couriers on the map.
const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Location {
    pub x: i32,
    pub y: i32,
}

/// A courier as the delivery service's `GET /couriers` lists it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Courier {
    pub name: String,
    pub location: Location,
    pub speed: i32,
    #[serde(default)]
    pub order_id: Option<Uuid>,
}

/// An order as the delivery service's `GET /orders/active` lists it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Order {
    pub id: Uuid,
    pub location: Location,
}

/// Couriers and active orders, as the delivery service lists them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Map {
    pub couriers: Vec<Courier>,
    pub orders: Vec<Order>,
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for y in (1..=SIZE).rev() {
            let cells: Vec<String> = (1..=SIZE).map(|x| self.cell(Location { x, y })).collect();
            writeln!(f, "{}", format!("{y:>4}  {}", cells.join(" ")).trim_end())?;
        }
        let columns: Vec<String> = (1..=SIZE).map(|x| format!("{x:<2}")).collect();
        writeln!(f, "      {}\n", columns.join(" ").trim_end())?;
        self.list_couriers(f)?;
        self.list_orders(f)
    }
}

impl Map {
    /// A cell as two characters: its couriers and its addresses.
    fn cell(&self, at: Location) -> String {
        let mut here = self.couriers.iter().enumerate().filter(|(_, courier)| courier.location == at);
        let courier = match (here.next(), here.count()) {
            (None, _) => None,
            (Some((number, _)), 0) => Some(letter(number)),
            (Some(_), others) => {
                Some(u32::try_from(others + 1).ok().and_then(|count| char::from_digit(count, 10)).unwrap_or('+'))
            }
        };
        let address = match self.orders.iter().filter(|order| order.location == at).count() {
            0 => ' ',
            1 => 'x',
            _ => '*',
        };
        match courier {
            None if address == ' ' => "· ".to_owned(),
            None => format!("{address} "),
            Some(courier) => format!("{courier}{address}"),
        }
    }

    fn list_couriers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.couriers.is_empty() {
            writeln!(f, "  no couriers")?;
        }
        for (number, courier) in self.couriers.iter().take(MAX_LISTED).enumerate() {
            let at = shown(courier.location);
            let name = printable(&courier.name);
            let errand = self.errand(courier);
            writeln!(f, "  {} {name:<20} speed {:<3} {at:<9} {errand}", letter(number), courier.speed)?;
        }
        more(f, self.couriers.len(), "couriers")
    }

    fn errand(&self, courier: &Courier) -> String {
        let Some(order) = courier.order_id else { return "free".to_owned() };
        let short = short(order);
        match self.orders.iter().find(|active| active.id == order) {
            None => format!("carries {short}"),
            Some(active) => {
                let steps = steps(courier, active.location);
                format!(
                    "carries {short} to {}, {steps} {} left",
                    shown(active.location),
                    if steps == 1 { "step" } else { "steps" }
                )
            }
        }
    }

    fn list_orders(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carried = |order: &&Order| self.couriers.iter().any(|courier| courier.order_id == Some(order.id));
        let waiting: Vec<&Order> = self.orders.iter().filter(|order| !carried(order)).collect();
        writeln!(f, "\n  {} carried, {} waiting for a courier", self.orders.len() - waiting.len(), waiting.len())?;
        for order in waiting.iter().take(MAX_LISTED) {
            writeln!(f, "    {} to {}", short(order.id), shown(order.location))?;
        }
        more(f, waiting.len(), "orders")
    }
}

/// The number of steps to a cell; a courier already there arrives with the next step.
fn steps(courier: &Courier, to: Location) -> i32 {
    let distance = (courier.location.x - to.x).abs() + (courier.location.y - to.y).abs();
    let speed = courier.speed.max(1);
    ((distance + speed - 1) / speed).max(1)
}

fn letter(number: usize) -> char {
    LETTERS.get(number).map_or('?', |letter| char::from(*letter))
}

fn shown(location: Location) -> String {
    format!("({}, {})", location.x, location.y)
}

/// The last digits of an order's uuid, since the first ones of a v7 uuid are the time.
fn short(order: Uuid) -> String {
    let text = order.to_string();
    format!("…{}", &text[text.len() - 8..])
}

/// Replaces control characters in a name: a terminal would obey an escape sequence.
fn printable(name: &str) -> String {
    let mut printable = String::new();
    for character in name.chars().take(20) {
        let _ = printable.write_char(if character.is_control() { '?' } else { character });
    }
    printable
}

fn more(f: &mut fmt::Formatter<'_>, count: usize, of: &str) -> fmt::Result {
    if count > MAX_LISTED {
        writeln!(f, "    and {} more {of}", count - MAX_LISTED)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn courier(name: &str, speed: i32, (x, y): (i32, i32), order: Option<u128>) -> Courier {
        let order_id = order.map(Uuid::from_u128);
        Courier { name: name.to_owned(), location: Location { x, y }, speed, order_id }
    }

    fn order(id: u128, (x, y): (i32, i32)) -> Order {
        Order { id: Uuid::from_u128(id), location: Location { x, y } }
    }

    /// The rows of the grid without its frame.
    fn rows(map: &Map) -> Vec<String> {
        map.to_string().lines().take(10).map(|line| line[5..].to_owned()).collect()
    }

    #[test]
    fn a_map_shows_couriers_addresses_and_errands() {
        let map = Map {
            couriers: vec![
                courier("Пеший", 1, (1, 1), None),
                courier("Вело", 2, (2, 2), Some(0xabc)),
                courier("Авто", 3, (5, 3), Some(0xdef)),
            ],
            orders: vec![order(0xabc, (5, 4)), order(0xdef, (5, 3)), order(0x123, (10, 8))],
        };

        assert_eq!(
            map.to_string(),
            "  10  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·
   9  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·
   8  ·  ·  ·  ·  ·  ·  ·  ·  ·  x
   7  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·
   6  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·
   5  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·
   4  ·  ·  ·  ·  x  ·  ·  ·  ·  ·
   3  ·  ·  ·  ·  Cx ·  ·  ·  ·  ·
   2  ·  B  ·  ·  ·  ·  ·  ·  ·  ·
   1  A  ·  ·  ·  ·  ·  ·  ·  ·  ·
      1  2  3  4  5  6  7  8  9  10

  A Пеший                speed 1   (1, 1)    free
  B Вело                 speed 2   (2, 2)    carries …00000abc to (5, 4), 3 steps left
  C Авто                 speed 3   (5, 3)    carries …00000def to (5, 3), 1 step left

  2 carried, 1 waiting for a courier
    …00000123 to (10, 8)
"
        );
    }

    #[test]
    fn couriers_that_share_a_cell_are_counted() {
        let pair = Map {
            couriers: vec![courier("a", 1, (3, 1), None), courier("b", 1, (3, 1), None), courier("c", 1, (4, 1), None)],
            orders: vec![order(1, (3, 1)), order(2, (1, 1)), order(3, (1, 1))],
        };
        let crowd = Map { couriers: (0..10).map(|_| courier("a", 1, (1, 1), None)).collect(), orders: Vec::new() };

        assert_eq!(rows(&pair)[9], " *  ·  2x C  ·  ·  ·  ·  ·  ·");
        assert_eq!(rows(&crowd)[9], " +  ·  ·  ·  ·  ·  ·  ·  ·  ·");
    }

    #[test]
    fn a_thousand_couriers_are_listed_in_part() {
        let map = Map { couriers: (0..1000).map(|_| courier("a", 1, (1, 1), None)).collect(), orders: Vec::new() };

        assert!(map.to_string().contains("and 980 more couriers\n"), "{map}");
        assert_eq!(map.to_string().lines().count(), 35);
    }

    #[test]
    fn an_empty_map_says_so() {
        let map = Map::default().to_string();

        assert!(map.contains("no couriers") && map.contains("0 carried, 0 waiting"), "{map}");
    }

    #[test]
    fn an_order_that_is_delivered_meanwhile_has_no_address() {
        let map = Map { couriers: vec![courier("a", 1, (1, 1), Some(0xabc))], orders: Vec::new() };

        assert!(map.to_string().contains("carries …00000abc\n"), "{map}");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let map = Map { couriers: vec![courier("\u{1b}[2Jx", 1, (1, 1), None)], orders: Vec::new() };

        assert!(!map.to_string().contains('\u{1b}') && map.to_string().contains("?[2Jx"), "{map}");
    }
}
