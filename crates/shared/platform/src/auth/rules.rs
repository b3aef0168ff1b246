//! Access rules: who may call each method of a service. A method without a rule is refused.

/// Names of services, as in tokens and certificates.
pub type ServiceNames = &'static [&'static str];

/// The callers that a method admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    /// Users with a valid session, and the listed services.
    Session(ServiceNames),
    /// Users with the role `operator`, and the listed services.
    Operator(ServiceNames),
    Services(ServiceNames),
    /// Only the gateway, identified by its certificate. Without TLS every caller is admitted, so the network must
    /// exclude others.
    Gateway,
}

/// The access to one method. Each service has one table of rules beside its API.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The method's path `/package.Service/Rpc` for gRPC; the method and the route, such as `GET /api/v1/things/{id}`,
    /// for HTTP.
    pub method: &'static str,
    pub access: Access,
}

impl Access {
    /// Returns the services that may call the method; none if it is public.
    pub const fn services(self) -> ServiceNames {
        match self {
            Self::Public | Self::Gateway => &[],
            Self::Session(services) | Self::Operator(services) | Self::Services(services) => services,
        }
    }
}

impl Rule {
    pub const fn public(method: &'static str) -> Self {
        Self { method, access: Access::Public }
    }

    pub const fn session(method: &'static str, services: ServiceNames) -> Self {
        Self { method, access: Access::Session(services) }
    }

    pub const fn operator(method: &'static str, services: ServiceNames) -> Self {
        Self { method, access: Access::Operator(services) }
    }

    pub const fn gateway(method: &'static str) -> Self {
        Self { method, access: Access::Gateway }
    }

    pub const fn services(method: &'static str, services: ServiceNames) -> Self {
        Self { method, access: Access::Services(services) }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub table: &'static [Rule],
    /// The access to methods without a rule; `None` refuses them.
    pub otherwise: Option<Access>,
}

impl Rules {
    pub fn of(self, method: &str) -> Option<Access> {
        self.table.iter().find(|rule| rule.method == method).map(|rule| rule.access).or(self.otherwise)
    }

    /// Returns the access to an HTTP route. For a method that the route does not have, returns the access of one of the
    /// route's other methods, so that the request is refused only after the caller is identified.
    pub fn of_route(self, method: &str, route: &str) -> Option<Access> {
        let method = if method == "HEAD" { "GET" } else { method };
        let is_of_route = |rule: &&Rule| rule.method.split_once(' ').is_some_and(|(_, path)| path == route);
        let of_route = || self.table.iter().find(is_of_route).map(|rule| rule.access);
        self.of(&format!("{method} {route}")).or_else(of_route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Rule] = &[Rule::operator("POST /couriers", &[]), Rule::session("GET /couriers", &["order"])];

    #[test]
    fn a_method_without_a_rule_has_no_access_and_another_method_of_a_route_has_that_of_the_route() {
        let rules = Rules { table: TABLE, otherwise: None };

        assert_eq!(rules.of_route("GET", "/couriers"), Some(Access::Session(&["order"])));
        assert_eq!(rules.of_route("HEAD", "/couriers"), Some(Access::Session(&["order"])));
        assert_eq!(rules.of_route("PUT", "/couriers"), Some(Access::Operator(&[])));
        assert_eq!(rules.of_route("GET", "/couriers/{id}"), None);
        assert_eq!(rules.of("/x.v1.X/Y"), None);
    }
}
