drop index storage_places_by_volume;
