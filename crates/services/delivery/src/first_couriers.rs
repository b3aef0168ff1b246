//! Parses the TOML file of the first couriers, which the service adds at its first start.

use std::collections::HashSet;

use contracts::ids::{CourierId, PlaceId};
use serde::Deserialize;
use uuid::Uuid;

use crate::model::{Location, Name, NewCourier, Speed, Volume};

/// The built-in file.
pub const DEFAULT: &str = include_str!("../couriers.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    couriers: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    uuid: CourierId,
    name: String,
    speed: i64,
    location: [i64; 2],
    places: Vec<PlaceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceEntry {
    name: String,
    total_volume: i64,
}

/// An error names the courier's position in the file, and the field.
pub fn parse(text: &str) -> Result<Vec<NewCourier>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().replace('\n', " "))?;
    let mut ids = HashSet::new();
    let mut couriers = Vec::new();
    for (number, entry) in (1..).zip(file.couriers) {
        let id = entry.uuid;
        couriers.push(check(entry).map_err(|problem| format!("courier {number}: {problem}"))?);
        if !ids.insert(id) {
            return Err(format!("courier {number}: uuid: {id} is another courier's too"));
        }
    }
    Ok(couriers)
}

fn check(entry: Entry) -> Result<NewCourier, String> {
    let [x, y] = entry.location;
    let mut places = Vec::new();
    for (number, place) in (1..).zip(entry.places) {
        let name = Name::new(place.name).map_err(|error| format!("places.{number}.name: {error}"))?;
        let volume = Volume::new(place.total_volume);
        let volume = volume.map_err(|error| format!("places.{number}.total_volume: {error}"))?;
        places.push((place_id(entry.uuid, number), name, volume));
    }
    if places.is_empty() {
        return Err("places: there is none".to_owned());
    }
    Ok(NewCourier {
        id: entry.uuid,
        name: Name::new(entry.name).map_err(|error| format!("name: {error}"))?,
        speed: Speed::new(entry.speed).ok_or("speed: must be from 1 to 100")?,
        location: Location::new(x, y).map_err(|error| format!("location: {error}"))?,
        places,
    })
}

/// The id is the same at each start, so that replicas that start together add the same places.
fn place_id(courier: CourierId, number: u32) -> PlaceId {
    PlaceId::new(Uuid::new_v5(&courier.uuid(), number.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_couriers_are_those_of_the_contract() {
        let couriers = parse(DEFAULT).unwrap();

        let seen: Vec<_> = couriers
            .iter()
            .map(|one| {
                let volumes: Vec<i32> = one.places.iter().map(|(_, _, volume)| volume.get()).collect();
                (one.name.as_str(), one.speed.get(), one.location.x(), one.location.y(), volumes)
            })
            .collect();
        let expected =
            [("Пеший", 1, 1, 1, vec![10]), ("Вело", 2, 2, 2, vec![10, 30]), ("Авто", 3, 3, 3, vec![10, 50, 100])];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_wrong_file_names_the_courier_and_the_field() {
        let one = |speed: &str, location: &str, places: &str| {
            format!(
                "[[couriers]]\nuuid = '0f860f2c-d76a-4140-99b3-fcc63f27a826'\nname = 'a'\nspeed = {speed}\n\
                location = {location}\nplaces = {places}\n"
            )
        };
        let place = "[{ name = 'a', total_volume = 1 }]";
        let twice = one("1", "[1, 1]", place) + &one("1", "[1, 1]", place);
        for (text, expected) in [
            (one("0", "[1, 1]", place), "courier 1: speed"),
            (one("1", "[0, 1]", place), "courier 1: location"),
            (one("1", "[1, 1]", "[]"), "courier 1: places"),
            (one("1", "[1, 1]", "[{ name = ' ', total_volume = 1 }]"), "courier 1: places.1.name"),
            (one("1", "[1, 1]", "[{ name = 'a', total_volume = 0 }]"), "courier 1: places.1.total_volume"),
            (twice, "courier 2: uuid"),
        ] {
            let error = parse(&text).unwrap_err();

            assert!(error.starts_with(expected), "{error}");
        }
    }
}
