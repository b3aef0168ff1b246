//! Arbitrary bytes as a message of any RPC: the status is never INTERNAL, UNKNOWN, DATA_LOSS or UNIMPLEMENTED, which
//! would be a defect of the server.

use std::sync::LazyLock;

use axum::{body::Body, response::Response};
use contracts::proto::auth::v1::WhoamiRequest;
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::BodyExt as _;
use platform::auth::{Access, SESSION_METADATA};
use prost::Message;
use tonic::{Code, Status};

use crate::{
    input::Input,
    message::{descriptors, message},
    system::{self, GrpcApi, System},
};

/// An RPC's path, and the full name of its request type.
struct Rpc {
    path: String,
    input: String,
}

/// All RPCs except streams, which never end.
static RPCS: LazyLock<Vec<Rpc>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for file in descriptors().file {
        for service in &file.service {
            for rpc in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), rpc.name());
                all.push(Rpc { path, input: rpc.input_type().to_owned() });
            }
        }
    }
    all
});

/// Headers, with values, that a gRPC server or a method reads.
const HEADERS: [(&str, &[&str]); 5] = [
    ("grpc-timeout", &["1S", "99999999H", "0n", "1n", "-1S", "é", "100000000S"]),
    ("grpc-encoding", &["identity", "gzip", "zstd", ""]),
    ("x-forwarded-for", &["192.0.2.1", "::1", "a, b", ",", "192.0.2.1, 999.0.0.1"]),
    ("traceparent", &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0-0-0", ""]),
    ("content-type", &["application/grpc+proto", "application/grpc-web", "application/json", ""]),
];

/// Calls an RPC with a message and a caller derived from `data`.
pub fn grpc(data: &[u8]) {
    system::with(|system| {
        let mut input = Input::new(data);
        let rpc = input.pick(&RPCS);
        let served = |api: &&GrpcApi| api.rules.iter().any(|rule| rule.method == rpc.path);
        let Some(api) = system.services.grpc.iter().find(served) else { return };
        let encoded = if input.once_in(8) {
            input.bytes().to_vec()
        } else {
            message(&rpc.input, &mut input, &system.services.known)
        };
        let mut framed = frame(&encoded);
        if input.once_in(16) {
            input.mutate(&mut framed);
        }
        let mut request = request(&rpc.path, framed);
        identify(&mut request, &mut input, system, api, &rpc.path);
        let may_be_unimplemented = decorate(&mut request, &mut input);

        let status = system.run(async { status(api.send(request).await).await });

        let is_defect = match status.code() {
            Code::Unimplemented => !may_be_unimplemented,
            code => matches!(code, Code::Internal | Code::Unknown | Code::DataLoss),
        };
        assert!(!is_defect, "{} answers {:?}: {}", rpc.path, status.code(), status.message());
        assert!(status.code() == Code::Ok || !status.message().is_empty(), "{} says nothing", rpc.path);
        assert!(status.message().len() <= 1024, "{} says more than anyone reads: {}", rpc.path, status.message());
    });
}

/// Adds the identity of a caller that the method admits, or of another one.
fn identify(request: &mut Request<Body>, input: &mut Input<'_>, system: &System, api: &GrpcApi, path: &str) {
    let access = api.access(path);
    let services = access.services();
    let choice = input.byte() % 16;
    let is_service = matches!(access, Access::Services(_)) || choice < 4;
    let (name, value) = match choice {
        15 => return,
        14 => (header::AUTHORIZATION, HeaderValue::from_bytes(input.bytes()).ok()),
        _ if is_service && !services.is_empty() => {
            let caller = *input.pick(services);
            (header::AUTHORIZATION, HeaderValue::try_from(system.token(caller, api.service)).ok())
        }
        12 | 13 => (HeaderName::from_static(SESSION_METADATA), system.services.known.user_session.parse().ok()),
        _ => (HeaderName::from_static(SESSION_METADATA), system.services.known.operator_session.parse().ok()),
    };
    if let Some(value) = value {
        request.headers_mut().insert(name, value);
    }
}

/// Adds or replaces headers. Returns true if they may make the message unreadable for the server.
fn decorate(request: &mut Request<Body>, input: &mut Input<'_>) -> bool {
    if !input.once_in(4) {
        return false;
    }
    let (name, values) = input.pick(&HEADERS);
    let value = if input.once_in(4) { input.bytes() } else { input.pick(values).as_bytes() };
    if let Ok(value) = HeaderValue::from_bytes(value) {
        request.headers_mut().insert(*name, value);
    }
    *name == "grpc-encoding"
}

/// Frames a message as in HTTP/2: the flag of an uncompressed message, the length, the bytes.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], message].concat()
}

fn request(path: &str, body: Vec<u8>) -> Request<Body> {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/grpc").header(header::TE, "trailers");
    request.body(Body::from(body)).expect("paths of RPCs are paths")
}

/// Calls an RPC that needs no identity. Returns the whole answer.
pub async fn call(api: &GrpcApi, path: &str, message: &impl Message) -> Vec<u8> {
    let response = api.send(request(path, frame(&message.encode_to_vec()))).await;
    response.into_body().collect().await.expect("a body in memory").to_bytes().to_vec()
}

pub fn decode<M: Message + Default>(answer: &[u8]) -> M {
    M::decode(answer.get(5..).expect("the call succeeds")).expect("an answer of this type")
}

/// Returns the status of a call: from the headers if the call failed at once, otherwise from the trailers.
async fn status(response: Response) -> Status {
    let at_once = Status::from_header_map(response.headers());
    let status = response.status();
    let body = response.into_body().collect().await;
    let trailers = body.ok().and_then(|body| body.trailers().and_then(Status::from_header_map));
    at_once.or(trailers).unwrap_or_else(|| Status::unknown(format!("no status of gRPC, {status} of HTTP")))
}

fn served<'a>(system: &'a System, service: &str) -> &'a GrpcApi {
    system.services.grpc.iter().find(|api| api.service == service).expect("every service is served")
}

/// Returns true if inventory lists its parts for a caller with this header.
pub async fn try_list(system: &System, name: &'static str, value: HeaderValue) -> bool {
    let mut request = request("/inventory.v1.InventoryService/ListParts", frame(&[]));
    request.headers_mut().insert(name, value);
    let status = status(served(system, "inventory").send(request).await).await;
    assert!(matches!(status.code(), Code::Ok | Code::Unauthenticated), "{status}");
    status.code() == Code::Ok
}

/// Returns true if iam accepts a session with this id.
pub async fn try_whoami(system: &System, session: &str) -> bool {
    let message = WhoamiRequest { session_uuid: session.to_owned(), ..WhoamiRequest::default() };
    let request = request("/auth.v1.AuthService/Whoami", frame(&message.encode_to_vec()));
    let status = status(served(system, "iam").send(request).await).await;
    assert!(matches!(status.code(), Code::Ok | Code::Unauthenticated | Code::InvalidArgument), "{status}");
    status.code() == Code::Ok
}
