#!/bin/sh
# Creates a role and a database for each service with a <SERVICE>_DATABASE_PASSWORD. No role can read another's
# database, or take more than a third of the server's connections.
set -eu
create() {
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres --set=name="$1" --set=password="$2" <<'SQL'
create role :"name" login connection limit 100 password :'password';
create database :"name" owner :"name";
revoke connect, temporary on database :"name" from public;
SQL
}
# The default is that of the image's entrypoint.
: "${POSTGRES_USER:=postgres}"
for name in $(env | sed -n 's/^\([A-Z]*\)_DATABASE_PASSWORD=.*/\1/p' | sort); do
  eval "password=\$${name}_DATABASE_PASSWORD"
  create "$(echo "$name" | tr '[:upper:]' '[:lower:]')" "$password"
done
