alter table users drop column known_devices;
