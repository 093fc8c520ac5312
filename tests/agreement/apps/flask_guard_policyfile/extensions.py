from ostiary.flask import Guard, static

guard = Guard(store="memory://", keys=static("API_KEY"), https="off", failures=None)
