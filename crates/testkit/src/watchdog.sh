# Cleans up after a test run once the process that owns it has ended: its containers, its child processes, its directory.
# $1 the run's directory, whose name is the owner's pid and start time; $2 the host's name in the containers' label.
directory=$1 run=${1##*/} host=$2
pid=${run%-*} start=${run#*-}

started() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
while [ "$(started "$pid")" = "$start" ] && kill -0 "$pid" 2>/dev/null; do sleep 1; done

for engine in docker podman; do
  containers=$($engine ps -aq --filter "label=shipyard.testkit=$host-$run" 2>/dev/null) || continue
  [ -z "$containers" ] || $engine rm -fv $containers
done
for file in "$directory"/*.pid; do
  [ -f "$file" ] && kill -QUIT "$(cat "$file")" 2>/dev/null
done
data=$(readlink -f "$directory/postgres.data")
case $data in */shipyard-*) sleep 1; rm -rf "$data" ;; esac
rm -rf "$directory"
