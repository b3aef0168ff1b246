//! `GetGeolocation`: the cell of a street.

use contracts::proto::geo::{GetGeolocationReply, GetGeolocationRequest, Location};
use tonic::{Request, Response, Status};

use crate::{model::Cell, service::GeoService};

pub fn handle(
    service: &GeoService,
    request: &Request<GetGeolocationRequest>,
) -> Result<Response<GetGeolocationReply>, Status> {
    let cell = service.locate(&request.get_ref().street)?;

    Ok(Response::new(GetGeolocationReply { location: Some(encode(cell)) }))
}

fn encode(cell: Cell) -> Location {
    Location { x: cell.x().into(), y: cell.y().into() }
}
