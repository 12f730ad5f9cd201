"""The parts of `bench/vm.py`: programs, engines, what else is measured, and how it is shown."""
