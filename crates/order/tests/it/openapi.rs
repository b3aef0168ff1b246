//! The description of the API, held against the last one that was agreed to.

#[test]
fn the_description_changes_only_on_purpose() {
    let document = serde_json::to_value(order::api::document()).unwrap();

    insta::assert_json_snapshot!("openapi", document);
}
