#!/bin/sh
# Starts Redis with its users; every user needs a password. The passwords are in IAM_REDIS_PASSWORD,
# ORDER_REDIS_PASSWORD, OPERATOR_REDIS_PASSWORD and OUTSIDE_PASSWORD; Redis gets only their digests.
set -eu
digest() {
  [ -n "$2" ] || { echo "$1 is not set" >&2; exit 1; }
  case "${SHIPYARD_ENVIRONMENT-}:$2" in
    production:*development-only*) echo "SHIPYARD_ENVIRONMENT: is production, where the published $1 may not be used" >&2; exit 1 ;;
  esac
  printf %s "$2" | sha256sum | cut -d ' ' -f 1
}
iam=$(digest IAM_REDIS_PASSWORD "${IAM_REDIS_PASSWORD-}")
order=$(digest ORDER_REDIS_PASSWORD "${ORDER_REDIS_PASSWORD-}")
operator=$(digest OPERATOR_REDIS_PASSWORD "${OPERATOR_REDIS_PASSWORD-}")
outside=$(digest OUTSIDE_PASSWORD "${OUTSIDE_PASSWORD-}")
unset IAM_REDIS_PASSWORD ORDER_REDIS_PASSWORD OPERATOR_REDIS_PASSWORD OUTSIDE_PASSWORD

# Redis expects a pattern, so special characters of the prefix are escaped.
prefix=$(printf %s "${IAM_REDIS_PREFIX-}" | sed 's/[][*?\\]/\\&/g')
# The keys and commands of iam's code and of its scripts in crates/services/iam/src/repository/redis. INFO tells iam
# whether Redis evicts keys.
keys="~${prefix}session:* ~${prefix}sessions:* ~${prefix}retired:* ~${prefix}failures:*"
commands='+ping +info +select +client|setinfo +evalsha +script|load +get +getdel +set +del +exists +incr +pexpire +pttl +time
  +zadd +zrange +zrem +zremrangebyscore'

umask 077
# Nobody can log in as the user `default`. Redis replays the append-only file as this user: without these rights, it would
# skip what scripts wrote.
cat >/tmp/users.acl <<USERS
user default off resetpass ~* &* +@all
user iam on #$iam $keys $(echo $commands)
user order on #$order ~status:* +ping +client|setinfo +evalsha +script|load +hmget +hget +hset +pexpire +set +del
user operator on #$operator +ping +info +dbsize +slowlog|get +acl|log
user outside on #$outside +ping +info
USERS
# With TLS, deploy/tls/renew uses the user `renew` to make Redis reload its certificates. Its password is generated here
# and does not leave the container.
if [ -e /tmp/tls/tls.key ]; then
  head -c 32 /dev/urandom | sha256sum | cut -d ' ' -f 1 | tr -d '\n' >/tmp/renew.password
  echo "user renew on #$(sha256sum </tmp/renew.password | cut -d ' ' -f 1) +config|set" >>/tmp/users.acl
fi
chown redis /tmp/users.acl
exec docker-entrypoint.sh "$@" --aclfile /tmp/users.acl
