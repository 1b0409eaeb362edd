"""Where machines are asked and changed: gathering, applying, the journal. Machines are reached by a transport only."""
