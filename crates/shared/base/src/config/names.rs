//! The names of all variables, as `.env.example` lists them, and a check for misspelt names.

use crate::config::ConfigError;

const EXAMPLE: &str = include_str!("../../../../../.env.example");
/// Parts of names that orchestrators set for each service.
const OF_ORCHESTRATORS: [&str; 2] = ["_SERVICE_", "_PORT"];

/// Returns the variables of `.env.example`, including those commented out.
fn known() -> Vec<&'static str> {
    let lines = EXAMPLE.lines().map(|line| line.trim_start_matches("# "));
    let names = lines.filter_map(|line| line.split_once('=').map(|(name, _)| name));
    names.filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')).collect()
}

/// Checks the names with the prefix of a service. Fails for an unknown name at most two edits away from a known one,
/// and returns a warning for each other unknown name.
pub(crate) fn check<'n>(names: impl Iterator<Item = &'n str>) -> Result<Vec<String>, ConfigError> {
    let known = known();
    let services: Vec<&str> = known.iter().filter_map(|name| name.strip_suffix("ADMIN_LISTEN")).collect();
    let mut warnings = Vec::new();
    for name in names.map(str::to_uppercase) {
        let base = name.strip_suffix("_FILE").unwrap_or(&name);
        let is_of_service = services.iter().any(|prefix| name.starts_with(prefix));
        let is_of_orchestrator = OF_ORCHESTRATORS.iter().any(|part| name.contains(part));
        if !is_of_service || is_of_orchestrator || known.contains(&name.as_str()) || known.contains(&base) {
            continue;
        }
        match nearest(&name, &known).filter(|near| strsim::osa_distance(&name, near) <= 2) {
            Some(near) => return Err(ConfigError::new(&name, format_args!("is not known; did you mean {near}?"))),
            None => warnings.push(format!("{name} is set, and nothing reads it")),
        }
    }
    warnings.sort();
    Ok(warnings)
}

/// Returns the known name that differs least from `name`, if it differs by at most a third of its characters, or by
/// one.
pub fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let distance = |known: &&str| strsim::osa_distance(&name.to_lowercase(), &known.to_lowercase());
    let (nearest, distance) =
        known.iter().map(|known| (*known, distance(known))).min_by_key(|(_, distance)| *distance)?;
    (distance <= (name.chars().count() / 3).max(1)).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_of_a_service_is_refused_and_its_right_name_is_suggested() {
        let error = check(["order_lsten"].into_iter()).unwrap_err();

        assert_eq!(error.to_string(), "ORDER_LSTEN: is not known; did you mean ORDER_LISTEN?");
    }

    #[test]
    fn unknown_variables_of_services_are_warnings_and_others_pass() {
        let known =
            ["order_listen", "iam_redis_prefix", "order_database_url_file", "path", "redis_uri", "order_service_host"];
        let unknown = ["iam_favourite_colour", "shipyard_colour"];

        let warnings = check(known.into_iter().chain(unknown)).unwrap();

        let [colour, other] = &warnings[..] else { panic!("{warnings:?}") };
        assert_eq!(colour, "IAM_FAVOURITE_COLOUR is set, and nothing reads it");
        assert_eq!(other, "SHIPYARD_COLOUR is set, and nothing reads it");
    }
}
