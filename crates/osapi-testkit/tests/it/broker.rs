//! The broker starts, dies as told and comes back.

use osapi_testkit::Broker;

#[tokio::test]
async fn a_broker_can_be_killed_and_started_again_on_its_port() {
    let mut broker = Broker::start().await;
    let first = broker.pid();
    broker.kill();
    assert!(std::net::TcpStream::connect(broker.address()).is_err());
    broker.restart().await;
    assert!(std::net::TcpStream::connect(broker.address()).is_ok());
    assert_ne!(broker.pid(), first);
}
