//! The mix of traffic: kinds of operations with weights.

use std::{fmt, str::FromStr};

use rand::{Rng, RngExt as _};
use serde::{Serialize, Serializer};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Create,
    /// Pays an unpaid order.
    Pay,
    /// Cancels an unpaid order.
    Cancel,
    Get,
    /// Lists the user's latest orders.
    List,
    Whoami,
    Parts,
    /// Creates an order, pays it, and waits until its ship is assembled.
    Whole,
}

/// Kinds with weights, such as `create=4,pay=3,get=10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix([u32; Kind::ALL.len()]);

/// Why a text is not a mix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    #[error("there is no traffic `{0}`; there are {kinds}", kinds = Kind::ALL.map(Kind::name).join(", "))]
    UnknownKind(String),
    #[error("the weight of {0} is not a number from 0 to {MAX_WEIGHT}: `{1}`")]
    Weight(Kind, String),
    #[error("{0} is given twice")]
    Twice(Kind),
    #[error("`{0}` is not KIND=WEIGHT, such as create=4")]
    Form(String),
    #[error("has no weight above 0")]
    Empty,
}

const MAX_WEIGHT: u32 = 1_000_000;

impl Kind {
    pub const ALL: [Self; 8] =
        [Self::Create, Self::Pay, Self::Cancel, Self::Get, Self::List, Self::Whoami, Self::Parts, Self::Whole];

    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Pay => "pay",
            Self::Cancel => "cancel",
            Self::Get => "get",
            Self::List => "list",
            Self::Whoami => "whoami",
            Self::Parts => "parts",
            Self::Whole => "whole",
        }
    }

    /// Returns true for an operation of one request.
    pub fn is_single(self) -> bool {
        self != Self::Whole
    }

    /// Returns true if the operation needs orders, made before or by it.
    pub(crate) fn needs_orders(self) -> bool {
        !matches!(self, Self::List | Self::Whoami | Self::Parts)
    }

    pub fn what(self) -> &'static str {
        match self {
            Self::Create => "POST /api/v1/orders",
            Self::Pay => "POST /api/v1/orders/…/pay, an order that was created before",
            Self::Cancel => "POST /api/v1/orders/…/cancel, likewise",
            Self::Get => "GET /api/v1/orders/…, the user's latest order",
            Self::List => "GET /api/v1/orders?limit=20",
            Self::Whoami => "AuthService/Whoami",
            Self::Parts => "InventoryService/ListParts, a page of 20",
            Self::Whole => "create and pay an order, and read it until it is ASSEMBLED",
        }
    }
}

impl Mix {
    /// Creates a mix of this kind alone.
    pub fn only(kind: Kind) -> Self {
        let mut weights = [0; Kind::ALL.len()];
        weights[kind as usize] = 1;
        Self(weights)
    }

    /// Returns this kind's share of all operations, from 0 to 1.
    pub fn share(&self, kind: Kind) -> f64 {
        f64::from(self.0[kind as usize]) / f64::from(self.total().max(1))
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.0[kind as usize] > 0
    }

    /// Returns a random kind, distributed by the weights.
    pub fn choose(&self, rng: &mut impl Rng) -> Kind {
        let mut left = rng.random_range(0..self.total().max(1));
        for kind in Kind::ALL {
            let weight = self.0[kind as usize];
            if left < weight {
                return kind;
            }
            left -= weight;
        }
        Kind::Get
    }

    fn total(&self) -> u32 {
        self.0.iter().sum()
    }
}

impl Default for Mix {
    /// The default mix pays or cancels as many orders as it creates.
    fn default() -> Self {
        Self([4, 3, 1, 10, 4, 5, 2, 1])
    }
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut weights = [None; Kind::ALL.len()];
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, weight) = entry.split_once('=').ok_or_else(|| MixError::Form(entry.to_owned()))?;
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name.trim());
            let kind = kind.ok_or_else(|| MixError::UnknownKind(name.trim().to_owned()))?;
            let number = weight.trim().parse().ok().filter(|weight| *weight <= MAX_WEIGHT);
            let number = number.ok_or_else(|| MixError::Weight(kind, weight.to_owned()))?;
            if weights[kind as usize].replace(number).is_some() {
                return Err(MixError::Twice(kind));
            }
        }
        let mix = Self(weights.map(Option::unwrap_or_default));
        if mix.total() == 0 { Err(MixError::Empty) } else { Ok(mix) }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = Kind::ALL.into_iter().filter(|kind| self.has(*kind));
        let entries: Vec<String> = present.map(|kind| format!("{kind}={}", self.0[kind as usize])).collect();
        f.write_str(&entries.join(","))
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for Mix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::SmallRng};

    use super::*;

    #[test]
    fn a_mix_is_read_as_it_is_shown() {
        let text = "create=4,pay=2,get=10,list=4,whoami=5,parts=2,whole=1";

        assert_eq!(text.parse::<Mix>().unwrap().to_string(), text);
        assert_eq!(" whole = 3 , get=0".parse::<Mix>().unwrap(), Mix::only(Kind::Whole).tripled());
    }

    impl Mix {
        fn tripled(self) -> Self {
            Self(self.0.map(|weight| weight * 3))
        }
    }

    #[test]
    fn what_is_no_mix_is_refused_with_the_reason() {
        let complaint = |text: &str| text.parse::<Mix>().unwrap_err().to_string();

        assert!(complaint("creat=1").starts_with("there is no traffic `creat`; there are create, pay,"));
        assert_eq!(complaint("create=many"), "the weight of create is not a number from 0 to 1000000: `many`");
        assert!(complaint("create=-1").contains("the weight of create"));
        assert!(complaint("create=1000001").contains("the weight of create"));
        assert_eq!(complaint("pay=1,pay=2"), "pay is given twice");
        assert_eq!(complaint("create"), "`create` is not KIND=WEIGHT, such as create=4");
        assert_eq!((complaint(""), complaint("create=0")), (MixError::Empty.to_string(), MixError::Empty.to_string()));
    }

    #[test]
    fn kinds_come_by_their_weights_and_the_same_seed_makes_the_same_ones() {
        let mix: Mix = "create=1,get=3".parse().unwrap();
        let chosen = |seed| {
            let mut rng = SmallRng::seed_from_u64(seed);
            (0..4000).map(|_| mix.choose(&mut rng)).collect::<Vec<Kind>>()
        };

        let creates = chosen(1).iter().filter(|kind| **kind == Kind::Create).count();

        assert!((900..1100).contains(&creates), "{creates} of 4000");
        assert!(chosen(1).iter().all(|kind| [Kind::Create, Kind::Get].contains(kind)));
        assert!(chosen(1) == chosen(1) && chosen(1) != chosen(2));
    }

    #[test]
    fn every_kind_stands_at_its_own_place() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }
}
