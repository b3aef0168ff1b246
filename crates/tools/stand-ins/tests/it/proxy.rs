//! A proxy passes data, and injects the requested faults.

use std::{sync::Arc, time::Duration};

use stand_ins::Proxy;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// Starts a server that echoes each byte. Returns its address.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

async fn round_trip(stream: &mut TcpStream) -> std::io::Result<u8> {
    stream.write_u8(7).await?;
    stream.read_u8().await
}

#[tokio::test]
async fn a_network_that_is_cut_ends_connections_until_it_is_restored() {
    let proxy = Proxy::to(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(round_trip(&mut stream).await.unwrap(), 7);

    proxy.cut();
    let mut refused = TcpStream::connect(proxy.address()).await.unwrap();

    assert!(round_trip(&mut stream).await.is_err());
    assert!(round_trip(&mut refused).await.is_err());
    proxy.restore();
    let mut restored = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(round_trip(&mut restored).await.unwrap(), 7);
}

#[tokio::test]
async fn a_network_that_hangs_accepts_and_lets_pass_later() {
    let proxy = Proxy::to(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.hang();

    let silence = tokio::time::timeout(Duration::from_millis(100), round_trip(&mut stream)).await;
    proxy.restore();

    assert!(silence.is_err());
    assert_eq!(stream.read_u8().await.unwrap(), 7);
}

#[tokio::test]
async fn a_slow_network_delivers_later() {
    let proxy = Proxy::to(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.delay(Duration::from_millis(50));
    let start = tokio::time::Instant::now();

    round_trip(&mut stream).await.unwrap();

    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_network_that_is_mute_carries_what_is_asked_and_no_answer() {
    let (listener, byte_came) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::new(Notify::new()));
    let proxy = Proxy::to(listener.local_addr().unwrap()).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let tells = byte_came.clone();
    tokio::spawn(async move {
        let byte = server.read_u8().await.unwrap();
        tells.notify_one();
        server.write_u8(byte).await.unwrap();
        server.read_u8().await
    });
    proxy.mute();

    stream.write_u8(7).await.unwrap();
    byte_came.notified().await;
    let silence = tokio::time::timeout(Duration::from_millis(100), stream.read_u8()).await;
    proxy.restore();

    assert!(silence.is_err());
    assert_eq!(stream.read_u8().await.unwrap(), 7);
}

#[tokio::test]
async fn connections_go_to_the_targets_in_turn_and_past_one_that_is_gone() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = Proxy::to(gone).await.unwrap();
    proxy.aim(vec![gone.to_string(), echo().await]);

    for _ in 0..4 {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();

        assert_eq!(round_trip(&mut stream).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_connection_whose_bytes_are_dropped_stays_silent_for_good_and_a_new_one_answers() {
    let proxy = Proxy::to(echo().await).await.unwrap();
    let mut lost = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(round_trip(&mut lost).await.unwrap(), 7);

    proxy.blackhole();
    let silence = tokio::time::timeout(Duration::from_millis(200), round_trip(&mut lost)).await;
    proxy.restore();
    let still_silent = tokio::time::timeout(Duration::from_millis(200), round_trip(&mut lost)).await;
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();

    assert!(silence.is_err());
    assert!(still_silent.is_err());
    assert_eq!(round_trip(&mut new).await.unwrap(), 7);
}
