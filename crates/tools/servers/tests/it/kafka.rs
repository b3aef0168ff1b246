//! The mock cluster of Kafka.

use std::net::TcpStream;

use servers::kafka::start_mock;

#[test]
fn a_mock_that_is_cut_off_refuses_connections_until_it_is_restored() {
    let mock = start_mock(&["a-topic"], 1).unwrap();
    let is_reachable = || TcpStream::connect(&mock.brokers).is_ok();

    let before = is_reachable();
    mock.cut().unwrap();
    let cut = is_reachable();
    mock.restore().unwrap();

    assert_eq!([before, cut, is_reachable()], [true, false, true]);
}
