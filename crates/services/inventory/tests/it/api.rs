//! Tests of the catalogue over gRPC, as a user calls it.

use std::{io::Write as _, net::SocketAddr};

use contracts::proto::inventory::v1::{
    Category, Dimensions, GetPartRequest, ListPartsRequest, Part, PartQuantity, PartsFilter, ReservePartsRequest,
    inventory_service_client::InventoryServiceClient, value,
};
use inventory::{app, config::Config, repository::MIGRATIONS};
use platform::{config::Settings, grpc::Peer, ids, server::readiness::Readiness};
use testkit::{Database, Iam, Running, with_session};
use tonic::{Code, Request, Status};
use uuid::Uuid;

pub type Client = InventoryServiceClient<Peer>;

/// The part "Thruster" of the built-in catalogue, of which 90 units are in stock.
pub const THRUSTER: Uuid = Uuid::from_u128(0xf476_230c_d248_4fa9_b9ff_6cf6_05a4_b43a);

pub struct Inventory {
    pub database: Database,
    pub iam: Iam,
    pub readiness: Readiness,
    pub address: SocketAddr,
    _running: Running,
}

/// Starts the service with additional settings. Without `KAFKA_BROKERS`, it does not use Kafka.
pub async fn inventory(more: Vec<(&str, String)>) -> Inventory {
    let database = testkit::database(&MIGRATIONS).await;
    let iam = testkit::iam().await;
    let app = app::build(Config::load(&settings(&database, &iam).with(more)).unwrap()).await.unwrap();
    let (readiness, address) = (app.readiness(), app.address().unwrap());
    Inventory { database, iam, readiness, address, _running: testkit::run(|stop| app.run(stop)) }
}

fn settings(database: &Database, iam: &Iam) -> Settings {
    testkit::settings().with([
        ("INVENTORY_DATABASE_URL", database.url.clone()),
        ("IAM_ADDRESS", iam.address.to_string()),
        ("KAFKA_BROKERS", "127.0.0.1:1".to_owned()),
    ])
}

impl Inventory {
    pub fn anonymous(&self) -> Client {
        Client::new(Peer::lazy("inventory", "TEST_ADDRESS", &self.address.to_string()).unwrap())
    }

    /// A client with the identity of the order service, which may reserve parts.
    pub fn service(&self) -> Client {
        self.service_named("order")
    }

    pub fn service_named(&self, name: &'static str) -> Client {
        Client::new(testkit::peer_of(name, "inventory", self.address))
    }

    /// A request with the session of a new user.
    pub fn of_user<T>(&self, message: T) -> Request<T> {
        with_session(&self.iam.session(ids::random()), message)
    }

    /// Reserves units of the Thruster for an order.
    pub async fn reserve(&self, order: &str, quantity: i64) -> Result<(), Status> {
        let parts = vec![PartQuantity { part_uuid: THRUSTER.to_string(), quantity }];
        let request = ReservePartsRequest { order_uuid: order.to_owned(), parts, ..ReservePartsRequest::default() };
        self.service().reserve_parts(request).await.map(drop)
    }

    /// Lists parts as a user.
    pub async fn list(&self, filter: PartsFilter) -> Result<Vec<Part>, Status> {
        let request = ListPartsRequest { filter: Some(filter), ..ListPartsRequest::default() };
        let response = self.anonymous().list_parts(self.of_user(request)).await?;
        Ok(response.into_inner().parts)
    }
}

fn names(parts: &[Part]) -> Vec<&str> {
    parts.iter().map(|part| part.name.as_str()).collect()
}

#[tokio::test]
async fn the_catalogue_is_seeded_in_order_at_first_start() {
    let inventory = inventory(vec![]).await;

    let parts = inventory.list(PartsFilter::default()).await.unwrap();

    assert_eq!(names(&parts)[..3], ["Main Engine", "Reserve Engine", "Thruster"]);
    assert!(parts.len() >= 10);
    let engine = &parts[0];
    assert_eq!((engine.stock_quantity, engine.price, engine.category()), (100, 7500.0, Category::Engine));
    assert_eq!(engine.dimensions, Some(Dimensions { length: 420.0, width: 210.0, height: 210.0, weight: 3800.0 }));
    assert_eq!(engine.manufacturer.as_ref().unwrap().country, "Germany");
    assert_eq!(engine.tags, ["propulsion", "main", "vacuum"]);
    assert!(engine.created_at.is_some() && engine.updated_at.is_some());
    let metadata = |key: &str| engine.metadata[key].value.clone().unwrap();
    assert_eq!(metadata("fuel"), value::Value::StringValue("methalox".to_owned()));
    assert_eq!(metadata("thrust_kn"), value::Value::Int64Value(1850));
    assert_eq!(metadata("specific_impulse_s"), value::Value::DoubleValue(363.5));
    assert_eq!(metadata("restartable"), value::Value::BoolValue(true));
}

#[tokio::test]
async fn a_part_is_found_by_its_uuid() {
    let inventory = inventory(vec![]).await;
    let mut client = inventory.anonymous();
    let listed = inventory.list(PartsFilter::default()).await.unwrap().swap_remove(1);

    let found = client.get_part(inventory.of_user(GetPartRequest { uuid: listed.uuid.clone() })).await.unwrap();
    let unknown = GetPartRequest { uuid: ids::random().to_string() };
    let unknown = client.get_part(inventory.of_user(unknown)).await.unwrap_err();
    let malformed = client.get_part(inventory.of_user(GetPartRequest { uuid: "x".to_owned() })).await.unwrap_err();

    assert_eq!(found.into_inner().part.unwrap(), listed);
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!((malformed.code(), malformed.message()), (Code::InvalidArgument, "uuid: must be a uuid"));
}

#[tokio::test]
async fn filters_match_as_the_contract_says() {
    let inventory = inventory(vec![]).await;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let all = PartsFilter::default();
    let wings = PartsFilter { categories: vec![Category::Wing.into()], ..all.clone() };
    let french_wings = PartsFilter { manufacturer_countries: texts(&["France"]), ..wings.clone() };
    let windows = PartsFilter { tags: texts(&["round", "wide"]), ..all.clone() };
    let nothing = PartsFilter { names: texts(&["main engine"]), ..all.clone() };
    let unspecified = PartsFilter { categories: vec![0], ..all };

    assert_eq!(names(&inventory.list(wings).await.unwrap()), ["Left Wing", "Right Wing", "Stabilizer"]);
    assert_eq!(names(&inventory.list(french_wings).await.unwrap()), ["Left Wing", "Right Wing"]);
    assert_eq!(names(&inventory.list(windows).await.unwrap()), ["Window A", "Window B"]);
    assert!(inventory.list(nothing).await.unwrap().is_empty());
    assert!(inventory.list(unspecified).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_invalid_filter_is_rejected_with_the_name_of_the_field() {
    let inventory = inventory(vec![]).await;
    let all = PartsFilter::default();
    let texts = |text: &str| vec!["fine".to_owned(), text.to_owned()];

    for (filter, problem) in [
        (PartsFilter { uuids: texts("x"), ..all.clone() }, "filter.uuids[0]: must be a uuid"),
        (PartsFilter { categories: vec![1, 5], ..all.clone() }, "filter.categories[1]: must be a category"),
        (PartsFilter { categories: vec![-1], ..all.clone() }, "filter.categories[0]: must be a category"),
        (PartsFilter { names: texts("\0"), ..all.clone() }, "filter.names[1]: must have no NUL"),
        (PartsFilter { tags: texts("\0"), ..all.clone() }, "filter.tags[1]: must have no NUL"),
        (PartsFilter { tags: vec![String::new(); 1001], ..all.clone() }, "filter.tags: must have at most 1000 values"),
        (
            PartsFilter { uuids: vec![String::new(); 1001], ..all.clone() },
            "filter.uuids: must have at most 1000 values",
        ),
    ] {
        let status = inventory.list(filter).await.unwrap_err();

        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, problem));
    }
}

#[tokio::test]
async fn a_listing_can_be_read_page_by_page() {
    let inventory = inventory(vec![]).await;
    let mut client = inventory.service();
    let all = inventory.list(PartsFilter::default()).await.unwrap();

    let (mut read, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPartsRequest { page_size: 4, page_token, ..ListPartsRequest::default() };
        let page = client.list_parts(request).await.unwrap().into_inner();
        assert!((1..=4).contains(&page.parts.len()));
        read.extend(page.parts);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let wrong = ListPartsRequest { page_token: "-1".to_owned(), ..ListPartsRequest::default() };
    let wrong = client.list_parts(wrong).await.unwrap_err();

    assert_eq!(read, all);
    assert_eq!(wrong.code(), Code::InvalidArgument);
    assert!(wrong.message().starts_with("page_token: "), "{}", wrong.message());
}

#[tokio::test]
async fn another_catalogue_can_be_configured_and_an_invalid_one_prevents_the_start() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let part = r#"[[part]]
        uuid = "10000000-0000-4000-8000-000000000000"
        name = "Sail"
        price = 1.5
        stock = 3
        category = "unspecified"
    "#;
    file.write_all(part.as_bytes()).unwrap();
    let path = file.path().to_string_lossy().into_owned();

    let inventory = inventory(vec![("INVENTORY_CATALOGUE", path.clone())]).await;
    let parts = inventory.list(PartsFilter::default()).await.unwrap();
    file.write_all(part.replace("= 1.5", "= true").as_bytes()).unwrap();
    let settings = settings(&inventory.database, &inventory.iam);
    let wrong = Config::load(&settings.clone().with([("INVENTORY_CATALOGUE", path)])).unwrap_err();
    let missing = Config::load(&settings.with([("INVENTORY_CATALOGUE", "/nowhere".to_owned())])).unwrap_err();

    assert_eq!(names(&parts), ["Sail"]);
    for (error, problem) in [(wrong, "part 2 (Sail): "), (missing, "/nowhere: ")] {
        assert_eq!(error.variable, "INVENTORY_CATALOGUE");
        assert!(error.problem.contains(problem), "{error}");
    }
}
