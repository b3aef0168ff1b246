#!/bin/sh
# Creates a database and a role for each service with a <SERVICE>_DATABASE_PASSWORD, the role `migrator`, which owns the
# databases, and the role `auditor`, which reads all databases except iam's, which has password hashes. No other role can
# read another service's database. No role can take more than a third of the server's connections.
#
# The image's entrypoint runs this script when the volume is created. To add a newer version's databases and roles, and to
# set the passwords in the variables: docker compose exec postgres sh /docker-entrypoint-initdb.d/databases.sh
set -eu
rights=$(dirname "$0")/rights
auditor=$(dirname "$0")/auditor
services=$(env | sed -n 's/^\([A-Z]*\)_DATABASE_PASSWORD=.*/\1/p' | grep -Ev '^(MIGRATOR|AUDITOR)$' | sort | tr '[:upper:]' '[:lower:]')
# The default of the image's entrypoint.
: "${POSTGRES_USER:=postgres}"

script() {
  echo 'revoke connect, temporary on database postgres, template1 from public;'
  for role in migrator auditor $services; do
    # Each replica of operations reads with up to 18 connections, and an audit with as many.
    limit=100
    [ "$role" != auditor ] || limit=200
    cat <<SQL
\\set role $role
\\getenv password $(echo "$role" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD
select format('create role %I', :'role') where not exists (select from pg_roles where rolname = :'role') \\gexec
alter role :"role" login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit $limit password :'password';
SQL
  done
  for service in $services; do
    cat <<SQL
\\set service $service
\\set owner migrator
\\set auditor auditor
select format('create database %I', :'service') where not exists (select from pg_database where datname = :'service') \\gexec
\\connect $service
begin;
\\i $rights
$([ "$service" = iam ] || printf '%s %s' '\i' "$auditor")
commit;
SQL
  done
}

script | psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres
