//! The faults that a visitor can choose, in the order of the panel.

pub struct Choice {
    /// The name of its row in [`faults`](crate::faults).
    pub fault: &'static str,
    pub title: &'static str,
    /// What happens, and what the visitor can see of it.
    pub about: &'static str,
    pub begins: Begins,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// At once, or when the row itself finds something to act on.
    AtOnce,
    /// As soon as an order is on its way.
    WithAnOrder,
}

pub static CHOICES: [Choice; 8] = [
    Choice {
        fault: "charge-commit",
        title: "Kill payment",
        about: "It dies once you are charged, before it has recorded that. Order asks again, and you are charged once.",
        begins: Begins::AtOnce,
    },
    Choice {
        fault: "relay-frozen",
        title: "Freeze the relay",
        about: "Of order, assembly and delivery in turn. After five seconds another process publishes.",
        begins: Begins::WithAnOrder,
    },
    Choice {
        fault: "broker-cut",
        title: "Cut Kafka",
        about: "For five seconds. Events wait in the outbox, and no request fails.",
        begins: Begins::WithAnOrder,
    },
    Choice {
        fault: "events-five-times",
        title: "Each event five times",
        about: "For ten seconds each event, old or new, comes five more times. Repeats have no effect.",
        begins: Begins::AtOnce,
    },
    Choice {
        fault: "provider-silent",
        title: "Answer too late",
        about: "The provider charges you and answers after the deadline. Payment looks the charge up.",
        begins: Begins::AtOnce,
    },
    Choice {
        fault: "disk-full",
        title: "Fill the disk",
        about: "Under order's database and all others, for six seconds. What was acknowledged stays.",
        begins: Begins::WithAnOrder,
    },
    Choice {
        fault: "two-relays",
        title: "Two relays at once",
        about: "Their lease expires all the time, so two processes publish. Repeats have no effect.",
        begins: Begins::WithAnOrder,
    },
    Choice {
        fault: "clock-delivery",
        title: "A clock an hour ahead",
        about: "Then an hour behind: that of the process that moves the couriers. Order with an address.",
        begins: Begins::WithAnOrder,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults;

    #[test]
    fn every_choice_is_a_row_of_chaos() {
        let rows = faults::all();

        for Choice { fault, .. } in &CHOICES {
            assert!(rows.iter().any(|row| row.name == *fault), "{fault}");
        }
    }
}
