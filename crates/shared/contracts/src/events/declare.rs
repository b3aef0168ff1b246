//! The macro `events!`: implements [`Published`](super::Published) and [`Event`](super::Event) for the events of the
//! catalogue, and builds the table of their routes.

/// Declares events. The module [`catalogue`](super::catalogue) explains the entries.
macro_rules! events {
    (
        in $package:ident::$version:ident {$(
            $event:ident {
                topic: $topic:literal, about: $subject:ident, from: $producer:ident, to: [$($consumer:ident),*]
                $(, part: $part:ident $(above $first:literal)?)?
                $(, closed: [$($field:ident in $set:ident),+])?
            }
        )*}
        without envelope in $outside:ident::$of_outside:ident {$(
            $message:ident { topic: $its_topic:literal, about: $its_subject:ident, from: $its_producer:ident }
        )*}
    ) => {
        $(
            impl super::Published for super::$event {
                const ROUTE: super::Route = super::Route {
                    kind: concat!(stringify!($package), ".", stringify!($version), ".", stringify!($event)),
                    topic: topic!($topic),
                    key: super::Key::$subject,
                    has_parts: !<[&str]>::is_empty(&[$(stringify!($part))?]),
                    producer: stringify!($producer),
                    consumers: &[$(super::Consumer {
                        service: stringify!($consumer),
                        group: respelled!(concat!(stringify!($consumer), "-group-", $topic), b'-', false),
                    }),*],
                    read: Some(super::read_id::<Self>),
                    shown: super::shown::<Self>,
                };

                fn with_uuid(self, uuid: String) -> Self {
                    Self { event_uuid: uuid, ..self }
                }

                $(fn part(&self) -> Option<String> {
                    Some(&self.$part)$(.filter(|part| **part > $first))?.map(ToString::to_string)
                })?
            }

            impl super::Event for super::$event {
                subject!($subject);

                fn event_uuid(&self) -> &str {
                    &self.event_uuid
                }

                $(fn unknown_value(&self) -> Option<String> {
                    [$($set.unknown(stringify!($field), &self.$field)),+].into_iter().flatten().next()
                })?
            }
        )*

        $(
            impl super::Published for super::$message {
                const ROUTE: super::Route = super::Route {
                    kind: concat!(stringify!($outside), ".", stringify!($of_outside), ".", stringify!($message)),
                    topic: topic!($its_topic),
                    key: super::Key::$its_subject,
                    has_parts: false,
                    producer: stringify!($its_producer),
                    consumers: &[],
                    read: None,
                    shown: super::shown::<Self>,
                };
            }
        )*

        /// The id of each event with default values and the key 1.
        #[cfg(test)]
        pub(super) fn default_ids() -> Vec<(&'static str, uuid::Uuid)> {
            let key = uuid::Uuid::from_u128(1);
            let records = [
                $(super::record(key, super::$event::default()),)*
                $(super::record(key, super::$message::default())),*
            ];
            records.into_iter().map(|record| (record.kind, record.uuid)).collect()
        }

        /// The route of every event type.
        pub const ROUTES: [super::Route; [$(stringify!($event),)* $(stringify!($message)),*].len()] =
            [$(<super::$event as super::Published>::ROUTE,)* $(<super::$message as super::Published>::ROUTE),*];
    };
}

/// Implements the subject of an event.
macro_rules! subject {
    (Order) => {
        type Subject = super::OrderOf;

        fn subject(&self) -> Result<super::OrderOf, super::InvalidUuid> {
            super::OrderOf::parse(&self.order_uuid, &self.user_uuid)
        }
    };
    (Customer) => {
        type Subject = crate::ids::UserId;

        fn subject(&self) -> Result<crate::ids::UserId, super::InvalidUuid> {
            super::event::uuid("customer_id", &self.customer_id).map(crate::ids::UserId::new)
        }
    };
    (User) => {
        type Subject = crate::ids::UserId;

        fn subject(&self) -> Result<crate::ids::UserId, super::InvalidUuid> {
            super::event::uuid("user_uuid", &self.user_uuid).map(crate::ids::UserId::new)
        }
    };
}

/// A topic with the variable derived from its name.
macro_rules! topic {
    ($name:literal) => {
        super::Topic { name: $name, variable: respelled!(concat!($name, ".topic.name"), b'_', true) }
    };
}

/// Converts a constant name: replaces its dots, and converts it to upper case with `is_upper`.
macro_rules! respelled {
    ($name:expr, $separator:literal, $is_upper:literal) => {{
        const BYTES: [u8; $name.len()] = crate::events::declare::respelled($name, $separator, $is_upper);
        match str::from_utf8(&BYTES) {
            Ok(name) => name,
            Err(_) => panic!("the names of topics and services are ASCII"),
        }
    }};
}

pub(super) const fn respelled<const LENGTH: usize>(name: &str, separator: u8, is_upper: bool) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let mut n = 0;
    while n < LENGTH {
        bytes[n] = match name.as_bytes()[n] {
            b'.' => separator,
            byte if is_upper => byte.to_ascii_uppercase(),
            byte => byte,
        };
        n += 1;
    }
    bytes
}
