-- Assignment reads the largest storage place of each free courier, and none of the others.
create index storage_places_by_volume on storage_places (courier_uuid, total_volume);
