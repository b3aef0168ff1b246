#!/bin/sh
# Creates a database and a role for each service with a <SERVICE>_DATABASE_PASSWORD, and the role `migrator`, which owns
# the databases. No role can read another's database, or take more than a third of the server's connections.
#
# The image's entrypoint runs it when the volume is created. To add what a newer version needs, and to set the passwords
# of the variables: docker compose exec postgres sh /docker-entrypoint-initdb.d/databases.sh
set -eu
rights=$(dirname "$0")/rights
services=$(env | sed -n 's/^\([A-Z]*\)_DATABASE_PASSWORD=.*/\1/p' | grep -v '^MIGRATOR$' | sort | tr '[:upper:]' '[:lower:]')
# The default is that of the image's entrypoint.
: "${POSTGRES_USER:=postgres}"

script() {
  echo 'revoke connect, temporary on database postgres, template1 from public;'
  for role in migrator $services; do
    cat <<SQL
\\set role $role
\\getenv password $(echo "$role" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD
select format('create role %I', :'role') where not exists (select from pg_roles where rolname = :'role') \\gexec
alter role :"role" login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 100 password :'password';
SQL
  done
  for service in $services; do
    cat <<SQL
\\set service $service
\\set owner migrator
select format('create database %I', :'service') where not exists (select from pg_database where datname = :'service') \\gexec
\\connect $service
begin;
\\i $rights
commit;
SQL
  done
}

script | psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres
