# push-registry.bash - for a file whose tests share one registry that can be written to, $PUSH: load
# it after common, instead of push.bash.

load helper/push

setup_file() {
    start_push_registry
}

teardown_file() {
    stop_push_registry
}
