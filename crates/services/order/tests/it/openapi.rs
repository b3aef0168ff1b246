//! The OpenAPI document describes each operation. What each answers is in `problems.rs`.

#[test]
fn operations_have_names_of_their_own_and_the_parameters_of_their_paths() {
    let document = serde_json::to_value(order::api::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| item.as_object().unwrap().values().map(move |op| (path, op)));
    let mut names = std::collections::BTreeSet::new();

    for (path, operation) in operations {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{operation}");
        for parameter in operation["parameters"].as_array().unwrap() {
            let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
            assert_eq!(place == "path", path.contains(&format!("{{{name}}}")), "{name} of {path} is in {place}");
        }
    }
    let all = [
        "cancelOrder",
        "checkOut",
        "createOrder",
        "getCheckout",
        "getCheckoutDelivery",
        "getCheckoutPayment",
        "getDelivery",
        "getOrder",
        "getOrderPayment",
        "listOrders",
        "payOrder",
    ];
    assert!(names.iter().eq(&all), "{names:?}");
}
